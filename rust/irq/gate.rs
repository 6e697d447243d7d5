// SPDX-License-Identifier: GPL-2.0

//! A gate in front of something that goes away: who is let in may use it, and who closes the gate waits
//! until nobody is inside.
//!
//! ```text
//!     enter() ──▶ inside ──drop──▶ outside        close(): enter() answers ENODEV from now on,
//!                                                          and all who are inside have left
//! ```
//!
//! Entering neither locks nor waits, so it is for every context; a mutex would be for tasks only.

use crate::{
    completion::Completion,
    word::Word, //
};
use kernel::prelude::*;

/// Set when the gate is closed. The other bits count who is inside.
const CLOSED: u64 = 1 << 63;

/// # Invariants
///
/// The lower bits of `state` count the [`Inside`]s. Once [`CLOSED`] is set they never grow.
#[pin_data]
pub(super) struct Gate {
    state: Word,
    /// Completed by the last one to leave a gate that is closed.
    #[pin]
    is_left: Completion,
}

impl Gate {
    /// An initialiser for one that is open.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: Nobody is inside.
            state: Word::new(0),
            is_left <- Completion::new(),
        })
    }

    /// Goes inside, in any context.
    ///
    /// Errors: `ENODEV` if the gate is closed.
    #[inline]
    pub(super) fn enter(&self) -> Result<Inside<'_>> {
        let mut state = self.state.load();
        loop {
            if state & CLOSED != 0 {
                return Err(ENODEV);
            }
            // INVARIANT: One more, and not closed. A count of 2^63 would take as many callers at a time.
            match self.state.cmpxchg(state, state.wrapping_add(1)) {
                Ok(_) => return Ok(Inside(self)),
                Err(other) => state = other,
            }
        }
    }

    /// Lets nobody in any more, and waits until all have left. May be called once; whoever is inside
    /// may not, and has to leave without waiting for the caller.
    pub(super) fn close(&self) {
        if self.state.fetch_add(CLOSED) != 0 {
            self.is_left.wait();
        }
    }

    /// Leaves for an [`Inside::stay`].
    ///
    /// # Safety
    ///
    /// Once for each of them.
    pub(super) unsafe fn leave(&self) {
        // By this function's contract there is one inside whose value was forgotten.
        drop(Inside(self));
    }
}

/// Somebody inside a [`Gate`]. Not in an NMI when it is dropped: leaving may take a lock.
pub(super) struct Inside<'a>(&'a Gate);

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        // INVARIANT: One less.
        if self.0.state.fetch_sub(1) == CLOSED + 1 {
            self.0.is_left.complete();
        }
    }
}

impl Inside<'_> {
    /// Stays inside beyond this value's life, until [`Gate::leave`].
    pub(super) fn stay(self) {
        core::mem::forget(self);
    }
}
