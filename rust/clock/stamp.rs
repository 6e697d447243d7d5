// SPDX-License-Identifier: GPL-2.0

//! Raw stamps: what a counter said at a moment, made a time of afterwards.
//!
//! Where the kernel itself takes the time from the CPU's time stamp counter (TSC), a stamp is what that says:
//! one instruction, and no conversion. Elsewhere it is the kernel's [`clock`](super).
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use super::{
    cycles,
    now_ns, //
};
use crate::bindings;

/// What stamps are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// The TSC of the current CPU.
    Tsc,
    /// The kernel's clock.
    Clock,
}

impl Counter {
    /// What to read stamps from now: the TSC if it is the kernel's clock source, and the kernel has not come to
    /// mistrust it.
    pub fn current() -> Self {
        // SAFETY: `snapshot` is a place to write to, which the kernel does in any context but NMI.
        let source = unsafe {
            let mut snapshot = core::mem::zeroed::<bindings::system_time_snapshot>();
            bindings::ktime_get_snapshot_id(
                bindings::CLOCK_MONOTONIC as bindings::clockid_t,
                &mut snapshot,
            );
            snapshot.cs_id
        };
        if source == bindings::clocksource_ids_CSID_X86_TSC && super::is_steady() {
            Counter::Tsc
        } else {
            Counter::Clock
        }
    }

    /// As tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Counter::Tsc => "TSC",
            Counter::Clock => "clock",
        }
    }
}

/// What a counter said.
///
/// ```
/// # use irqlab::clock::{Counter, Stamp};
/// fn took_ns(f: impl FnOnce()) -> Option<u64> {
///     let counter = Counter::current();
///     let begun = Stamp::now(counter);
///     f();
///     Stamp::now(counter).since_ns(begun)
/// }
///
/// fn is_before(stamp: Stamp, ns: u64) -> bool {
///     stamp.to_ns() < ns
/// }
///
/// fn is_same(stamp: Stamp) -> bool {
///     Stamp::from_raw(stamp.into_raw()) == stamp
/// }
///
/// let counter = Counter::current();
/// let stamp = Stamp::now(counter);
/// assert!(is_same(stamp) && is_before(stamp, u64::MAX));
/// assert_eq!(stamp.since_ns(stamp), Some(0));
/// # took_ns(|| ());
/// # // Of different counters, they cannot be compared.
/// # let of_both = [Stamp::now(Counter::Tsc), Stamp::now(Counter::Clock)];
/// # assert_eq!(of_both[0].since_ns(of_both[1]), None);
/// ```
///
/// # Invariants
///
/// The highest bit tells nanoseconds of the kernel's clock from cycles of the TSC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    const OF_CLOCK: u64 = 1 << 63;

    /// What `counter` says now. May be called in any context.
    #[inline(always)]
    pub fn now(counter: Counter) -> Self {
        // INVARIANT: A TSC counts from zero when the machine starts, and gets there after a century; so
        // does the clock.
        match counter {
            Counter::Tsc => Self(cycles()),
            Counter::Clock => Self(now_ns() | Self::OF_CLOCK),
        }
    }

    /// This time of the kernel's clock.
    pub(crate) const fn of_ns(ns: u64) -> Self {
        // INVARIANT: It says of which counter it is.
        Self(ns | Self::OF_CLOCK)
    }

    /// The time from `earlier` to this; nothing if the two are of different counters, or disagree about the
    /// order.
    pub fn since_ns(self, earlier: Self) -> Option<u64> {
        if (self.0 ^ earlier.0) & Self::OF_CLOCK != 0 {
            return None;
        }
        let passed = self.0.checked_sub(earlier.0)?;
        Some(if self.is_of_clock() {
            passed
        } else {
            cycles_to_ns(passed)
        })
    }

    /// The time of it, in nanoseconds since boot.
    pub fn to_ns(self) -> u64 {
        if self.is_of_clock() {
            return self.0 & !Self::OF_CLOCK;
        }
        let (now, now_ns) = pair();
        match now.checked_sub(self.0) {
            Some(passed) => now_ns.saturating_sub(cycles_to_ns(passed)),
            // Taken by another CPU meanwhile.
            None => now_ns,
        }
    }

    const fn is_of_clock(self) -> bool {
        self.0 & Self::OF_CLOCK != 0
    }

    /// A word, for compact records.
    #[inline(always)]
    pub const fn into_raw(self) -> u64 {
        self.0
    }

    /// The inverse of [`Self::into_raw`].
    #[inline(always)]
    pub const fn from_raw(raw: u64) -> Self {
        // INVARIANT: From a stamp.
        Self(raw)
    }
}

/// By the rate that the kernel has measured and converts by itself.
fn cycles_to_ns(cycles: u64) -> u64 {
    const NS_PER_MS: u64 = 1_000_000;

    // SAFETY: Always readable; it changes when the kernel measures again.
    let cycles_per_ms = match unsafe { (&raw const bindings::tsc_khz).read_volatile() } {
        0 => NS_PER_MS,
        khz => u64::from(khz),
    };
    let (ms, rest) = (cycles / cycles_per_ms, cycles % cycles_per_ms);
    ms.saturating_mul(NS_PER_MS)
        .saturating_add(rest * NS_PER_MS / cycles_per_ms)
}

/// The TSC and the clock at one moment: of some tries the one that took the least.
fn pair() -> (u64, u64) {
    const TRIES: usize = 4;

    let mut best = (u64::MAX, 0, 0);
    for _ in 0..TRIES {
        let before = cycles();
        let ns = now_ns();
        let took = cycles().wrapping_sub(before);
        if took < best.0 {
            best = (took, before.wrapping_add(took / 2), ns);
        }
    }
    (best.1, best.2)
}
