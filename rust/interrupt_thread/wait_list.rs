// SPDX-License-Identifier: GPL-2.0

//! Wakers of handlers that wait for the same thing: no lock, no allocation.

use super::level::LOCK_LEVEL;
use core::{
    cell::UnsafeCell,
    task::Waker, //
};
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Relaxed, //
    }, //
};

const EMPTY: u32 = 0;
const TAKEN: u32 = 1;
const FULL: u32 = 2;

/// A place for one waker.
///
/// # Invariants
///
/// Who has set `state` to `TAKEN`, until it sets it to something else, has `waker` for itself.
/// Nobody else accesses it.
struct Place {
    state: Atomic<u32>,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: By the type invariant one thread of execution at a time accesses the waker, which
// is `Send`.
unsafe impl Sync for Place {}

impl Place {
    /// Exchanges the waker, if the state is `from`; it is `to` afterwards.
    fn exchange(&self, from: u32, waker: Option<Waker>, to: u32) -> Result<Option<Waker>> {
        if self.state.load(Relaxed) != from || self.state.cmpxchg(from, TAKEN, Full).is_err() {
            return Err(EBUSY);
        }
        // SAFETY: Just taken, so that by the type invariant the waker is this function's.
        let before = core::mem::replace(unsafe { &mut *self.waker.get() }, waker);
        // In full order: who adds a waker looks next at what it waits for, and who wakes has
        // changed that before.
        self.state.xchg(to, Full);
        Ok(before)
    }
}

/// A list with a place for each interrupt thread that there can be.
pub(super) struct WaitList(KVVec<Place>);

impl WaitList {
    /// Errors: `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        let nr_places = nr_cpu_ids() as usize * usize::from(LOCK_LEVEL);
        let mut places = KVVec::with_capacity(nr_places, GFP_KERNEL)?;
        for _ in 0..nr_places {
            // INVARIANT: Nobody has taken it.
            let place = Place {
                state: Atomic::new(EMPTY),
                waker: UnsafeCell::new(None),
            };
            places.push(place, GFP_KERNEL)?;
        }
        Ok(Self(places))
    }

    /// Puts a waker on the list. The caller looks again afterwards whether it still has to
    /// wait. Without a place it is woken at once, to look again later.
    pub(super) fn add(&self, waker: &Waker) {
        for place in &self.0 {
            if place.state.load(Relaxed) == EMPTY
                && place.exchange(EMPTY, Some(waker.clone()), FULL).is_ok()
            {
                return;
            }
        }
        waker.wake_by_ref();
    }

    /// Wakes all that are on the list, and takes them off. May be called in any context but NMI.
    pub(super) fn wake_all(&self) {
        for place in &self.0 {
            if let Ok(Some(waker)) = place.exchange(FULL, None, EMPTY) {
                waker.wake();
            }
        }
    }
}
