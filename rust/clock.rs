// SPDX-License-Identifier: GPL-2.0

//! The clock that all stamps come from.
//!
//! `local_clock()` is the scheduler's clock: nanoseconds since boot, readable in
//! every context, NMI included, at the cost of one `rdtsc`. Stamps of two CPUs
//! can be compared where the TSC is stable; elsewhere they may differ by up to
//! a tick, and a difference can come out negative: use [`elapsed_ns`].
//!
//! C header: [`include/linux/sched/clock.h`](srctree/include/linux/sched/clock.h)

use crate::bindings;

/// Nanoseconds since boot on the current CPU's clock.
#[inline]
pub fn now_ns() -> u64 {
    // SAFETY: Can be called in any context.
    unsafe { bindings::local_clock() }
}

/// The time from `from_ns` to `to_ns`, or `None` if the clocks disagree about
/// the order.
#[inline]
pub const fn elapsed_ns(from_ns: u64, to_ns: u64) -> Option<u64> {
    to_ns.checked_sub(from_ns)
}

/// The smallest step that the clock is seen to make: what is shorter cannot be
/// told from nothing. Takes some microseconds.
pub fn resolution_ns() -> u64 {
    const STEPS: usize = 64;
    let mut smallest = u64::MAX;
    for _ in 0..STEPS {
        let start = now_ns();
        // Bounded, should the clock stand still.
        for _ in 0..1000 {
            let step = now_ns().wrapping_sub(start);
            if step > 0 {
                smallest = smallest.min(step);
                break;
            }
        }
    }
    smallest
}

/// The kernel's count of timer ticks. Wraps; use `wrapping_sub`.
#[inline]
pub fn ticks() -> usize {
    // SAFETY: Always readable; it changes under everybody.
    unsafe { (&raw const bindings::jiffies).read_volatile() }
}

/// Spins until `condition` holds, for some `patience_ns` at most, which must be short: it holds
/// the CPU. Returns whether it did hold.
///
/// ```
/// # use irqlab::clock;
/// # use kernel::sync::atomic::{Acquire, Atomic};
/// fn is_let_go(flag: &Atomic<bool>) -> bool {
///     clock::spin_until(1_000_000, || flag.load(Acquire))
/// }
/// ```
pub fn spin_until(patience_ns: u64, condition: impl Fn() -> bool) -> bool {
    let start_ns = now_ns();
    while !condition() {
        if now_ns().wrapping_sub(start_ns) > patience_ns {
            return false;
        }
        core::hint::spin_loop();
    }
    true
}

/// Spins for `ns` nanoseconds, which must be short: it holds the CPU.
pub fn spin_ns(ns: u64) {
    let start = now_ns();
    while now_ns().wrapping_sub(start) < ns {
        core::hint::spin_loop();
    }
}
