// SPDX-License-Identifier: GPL-2.0

//! The clock that all stamps come from.
//!
//! `local_clock()` is the scheduler's clock: nanoseconds since boot, readable in
//! every context, NMI included, at the cost of one `rdtsc`. Stamps of two CPUs
//! can be compared where the TSC is stable; elsewhere they may differ by up to
//! a tick, and a difference can come out negative: use [`elapsed_ns`]. There the
//! clock also waits for the next tick before it goes on past the time of it, and with
//! interrupts off no tick comes: [`Limit`] ends what is not to go on for ever.
//!
//! C header: [`include/linux/sched/clock.h`](srctree/include/linux/sched/clock.h)

use crate::bindings;

mod stamp;

pub use stamp::{
    Counter,
    Stamp, //
};

/// Nanoseconds since boot on the current CPU's clock.
#[inline]
pub fn now_ns() -> u64 {
    // SAFETY: Can be called in any context.
    unsafe { bindings::local_clock() }
}

/// The time from `from_ns` to `to_ns`, or `None` if the clocks disagree about
/// the order.
///
/// ```
/// # use irqlab::clock;
/// fn took_ns(f: impl FnOnce()) -> Option<u64> {
///     let from_ns = clock::now_ns();
///     f();
///     clock::elapsed_ns(from_ns, clock::now_ns())
/// }
/// assert_eq!(clock::elapsed_ns(3, 5), Some(2));
/// assert_eq!(clock::elapsed_ns(5, 3), None);
/// # took_ns(|| ());
/// ```
#[inline]
pub const fn elapsed_ns(from_ns: u64, to_ns: u64) -> Option<u64> {
    to_ns.checked_sub(from_ns)
}

/// The smallest step that stamps of this counter are seen to make: what is shorter cannot be
/// told from nothing. Takes some microseconds.
pub fn resolution_ns(counter: Counter) -> u64 {
    const STEPS: usize = 64;
    let mut smallest = u64::MAX;
    for _ in 0..STEPS {
        let start = Stamp::now(counter);
        // Bounded, should the clock stand still.
        for _ in 0..1000 {
            let step = Stamp::now(counter).since_ns(start).unwrap_or(0);
            if step > 0 {
                smallest = smallest.min(step);
                break;
            }
        }
    }
    smallest
}

/// The kernel's count of timer ticks. Wraps; use `wrapping_sub`.
///
/// ```
/// # use irqlab::{clock, context::Task};
/// fn ticks_slept(task: &Task) -> usize {
///     let before = clock::ticks();
///     task.sleep_ms(1);
///     clock::ticks().wrapping_sub(before)
/// }
///
/// assert!(ticks_slept(task) >= 1);
/// ```
#[inline]
pub fn ticks() -> usize {
    // SAFETY: Always readable; it changes under everybody.
    unsafe { (&raw const bindings::jiffies).read_volatile() }
}

/// The time from one tick to the next.
pub fn tick_ns() -> u64 {
    let ticks_per_second = kernel::time::msecs_to_jiffies(1000) as u64;
    1_000_000_000 / ticks_per_second.max(1)
}

/// Whether the clock goes on while interrupts are off, and is the same on all CPUs: the
/// kernel trusts the TSC. It may lose that trust at any time, and never finds it again.
///
/// ```
/// # use irqlab::clock::{self, Counter};
/// # use kernel::prelude::*;
/// if clock::is_steady() {
///     let step_ns = clock::resolution_ns(Counter::Clock);
///     pr_info!("steps of {} ns, ticks of {} ns\n", step_ns, clock::tick_ns());
/// }
/// // From 100 to 1000 ticks a second.
/// assert!((1_000_000..=10_000_000).contains(&clock::tick_ns()));
/// ```
pub fn is_steady() -> bool {
    // SAFETY: Only reads a variable.
    unsafe { bindings::check_tsc_unstable() == 0 }
}

/// Tells whether a time has passed, in any context and with interrupts off, whatever the clock
/// does: twice that time by the cycles of the TSC will do. The kernel may mistrust that
/// counter for its rate or because CPUs differ, but it counts wherever code runs.
///
/// ```
/// # use irqlab::clock::Limit;
/// # use kernel::sync::atomic::{Acquire, Atomic};
/// fn looks_in_vain(flag: &Atomic<bool>) -> u64 {
///     let mut limit = Limit::ns(10_000);
///     let mut looks = 0;
///     while !flag.load(Acquire) && !limit.has_passed() {
///         looks += 1;
///     }
///     looks
/// }
///
/// assert_eq!(looks_in_vain(&Atomic::new(true)), 0);
/// // It ends, as the time passes.
/// looks_in_vain(&Atomic::new(false));
/// # assert!(!Limit::ns(3_600_000_000_000).has_passed());
/// # assert!(Limit::ns(0).has_passed());
/// ```
pub struct Limit {
    clock: Lap,
    cycles: Lap,
}

impl Limit {
    /// `ns` nanoseconds from now.
    pub fn ns(ns: u64) -> Self {
        /// A rate that no CPU's is above, for a machine that does not know its own.
        const MAX_KHZ: u64 = 10_000_000;

        // SAFETY: Always readable; it changes when the kernel measures again.
        let khz = match unsafe { (&raw const bindings::tsc_khz).read_volatile() } {
            0 => MAX_KHZ,
            khz => khz.into(),
        };
        Self {
            clock: Lap::new(now_ns(), ns),
            cycles: Lap::new(cycles(), ns.saturating_mul(khz) / 500_000),
        }
    }

    /// Whether it has passed. To be asked again and again, as it takes note of the time.
    pub fn has_passed(&mut self) -> bool {
        self.clock.is_over(now_ns()) || self.cycles.is_over(cycles())
    }
}

/// A way to go on a counter, which may step back as the task changes CPUs.
struct Lap {
    last: u64,
    left: u64,
}

impl Lap {
    const fn new(now: u64, length: u64) -> Self {
        Self {
            last: now,
            left: length,
        }
    }

    fn is_over(&mut self, now: u64) -> bool {
        self.left = self.left.saturating_sub(now.saturating_sub(self.last));
        self.last = now;
        self.left == 0
    }
}

/// The TSC of the current CPU.
#[inline(always)]
fn cycles() -> u64 {
    // SAFETY: Every x86-64 CPU has the instruction, and the kernel may always use it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Spins until `condition` holds, for some `patience_ns` at most (see [`Limit`]), which must be
/// short: it holds the CPU. Returns whether it did hold.
///
/// ```
/// # use irqlab::clock;
/// # use kernel::sync::atomic::{Acquire, Atomic};
/// fn is_let_go(flag: &Atomic<bool>) -> bool {
///     clock::spin_until(1_000_000, || flag.load(Acquire))
/// }
///
/// assert!(is_let_go(&Atomic::new(true)));
/// assert!(!is_let_go(&Atomic::new(false)));
/// ```
pub fn spin_until(patience_ns: u64, condition: impl Fn() -> bool) -> bool {
    let mut limit = Limit::ns(patience_ns);
    while !condition() {
        if limit.has_passed() {
            // A virtual CPU may have stood still since it was looked at.
            return condition();
        }
        core::hint::spin_loop();
    }
    true
}

/// Spins for `ns` nanoseconds (see [`Limit`]), which must be short: it holds the CPU.
///
/// ```
/// # use irqlab::clock;
/// # use irqlab::interrupt::local_interrupt_disable;
/// fn keep_interrupts_off() -> Option<u64> {
///     let _guard = local_interrupt_disable();
///     let from_ns = clock::now_ns();
///     clock::spin_ns(50_000);
///     clock::elapsed_ns(from_ns, clock::now_ns())
/// }
///
/// // A clock that is not steady may stand still meanwhile.
/// assert!(!clock::is_steady() || keep_interrupts_off() >= Some(50_000));
/// ```
pub fn spin_ns(ns: u64) {
    spin_until(ns, || false);
}
