// SPDX-License-Identifier: GPL-2.0

//! `kernel::interrupt`, for kernels that do not have it: as there, the guards of a CPU are counted, so that
//! they may be dropped in any order, and the last one restores what the first one found.

use crate::bindings;
use kernel::types::NotThreadSafe;

/// Interrupts are off on this CPU for as long as it exists.
///
/// # Invariants
///
/// It is counted in this CPU's count, or interrupts are off for another reason, and it is never dropped.
pub struct LocalInterruptDisabled(NotThreadSafe);

/// Turns interrupts off on this CPU. Not for NMI handlers.
#[inline]
pub fn local_interrupt_disable() -> LocalInterruptDisabled {
    // SAFETY: May be called by anyone but an NMI handler, which has interrupts off anyway.
    unsafe { bindings::local_interrupt_disable() };
    // INVARIANT: Counted above.
    LocalInterruptDisabled(NotThreadSafe)
}

impl Drop for LocalInterruptDisabled {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is counted on the CPU where it was made, which is this one: it
        // cannot be sent, and with interrupts off nothing moves its thread.
        unsafe { bindings::local_interrupt_enable() };
    }
}

impl LocalInterruptDisabled {
    /// The proof where interrupts are off for another reason.
    ///
    /// # Safety
    ///
    /// Interrupts are off for all of `'a`.
    #[inline]
    pub unsafe fn assume_disabled<'a>() -> &'a Self {
        // INVARIANT: By this function's contract. A constant behind a reference is not dropped.
        const ASSUMED: &LocalInterruptDisabled = &LocalInterruptDisabled(NotThreadSafe);

        ASSUMED
    }
}
