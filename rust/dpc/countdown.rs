// SPDX-License-Identifier: GPL-2.0

//! Waiting until others are done, all of which count down.

use crate::{
    bindings,
    context::Task, //
};
use kernel::sync::atomic::{
    Atomic,
    Full, //
};

/// What one task waits for others to count down to 0.
pub(super) struct Countdown(Atomic<u32>);

impl Countdown {
    pub(super) fn new(count: u32) -> Self {
        Self(Atomic::new(count))
    }

    /// Counts down. This may be gone when it returns.
    pub(super) fn count_down(&self) {
        let waited_for = (&raw const self.0).cast_mut().cast();
        if self.0.fetch_sub(1, Full) == 1 {
            // SAFETY: Uses nothing but the address, to find who waits for it.
            unsafe { bindings::wake_waiters_of(waited_for) };
        }
    }

    /// Waits until it is 0.
    pub(super) fn wait(&self, _task: &Task) {
        // SAFETY: The counter is an aligned `unsigned int`, and lives as long as `self`; the
        // token proves that this may sleep.
        unsafe { bindings::wait_until_is((&raw const self.0).cast_mut().cast(), 0) };
    }
}
