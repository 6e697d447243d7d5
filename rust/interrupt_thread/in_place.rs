// SPDX-License-Identifier: GPL-2.0

//! In the place of what was interrupted, with interrupts on.
//!
//! When a hard IRQ ends and a soft IRQ is pending, the kernel turns the one into the other on
//! the spot: it takes the hard IRQ off the preempt count, puts the soft IRQ there, enables
//! interrupts, and calls the soft IRQ's actions (`handle_softirqs()`). What was interrupted
//! waits below on the same CPU. This does the same for a function, with one difference: it may
//! also do so on top of a soft IRQ, or of code that has bottom halves disabled, where the kernel
//! would wait for their end. So the function may take no lock that such code takes without
//! disabling interrupts.

use crate::{
    bindings,
    context::HardIrq, //
};

/// Runs `f` with interrupts on, as a soft IRQ would; they are off again when this returns.
///
/// Where the token's promise is kept without an interrupt, as on a CPU that goes offline,
/// interrupts stay off.
#[inline]
pub(super) fn with_interrupts_on<R>(_irq: &HardIrq, f: impl FnOnce() -> R) -> R {
    // SAFETY: Interrupts are off, as the token proves; undone below. It checks by itself that
    // this is a hard IRQ.
    let before = unsafe { bindings::hardirq_to_softirq() };
    let result = f();
    // SAFETY: Undoes the call above, in the same context.
    unsafe { bindings::softirq_to_hardirq(before) };
    result
}
