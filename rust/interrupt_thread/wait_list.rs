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

const EMPTY: u64 = 0;
const TAKEN: u64 = 1;
/// From here on, a place's state is the number of the waker that is there, which is never used again.
const FIRST_NUMBER: u64 = 2;

/// A place for one waker.
///
/// # Invariants
///
/// Who has set `state` to `TAKEN`, until it sets it to something else, has `waker` for itself.
/// Nobody else accesses it.
struct Place {
    state: Atomic<u64>,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: By the type invariant one thread of execution at a time accesses the waker, which
// is `Send`.
unsafe impl Sync for Place {}

impl Place {
    /// Exchanges the waker, if the state is `from`; it is `to` afterwards.
    fn exchange(&self, from: u64, waker: Option<Waker>, to: u64) -> Result<Option<Waker>> {
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
pub(super) struct WaitList {
    places: KVVec<Place>,
    next_number: Atomic<u64>,
}

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
        Ok(Self {
            places,
            next_number: Atomic::new(FIRST_NUMBER),
        })
    }

    /// For a future that is to wait on this list; it does not yet.
    pub(super) fn waiting(&self) -> Waiting<'_> {
        Waiting {
            list: self,
            at: None,
        }
    }

    /// Wakes all that are on the list, and takes them off. May be called in any context but NMI.
    pub(super) fn wake_all(&self) {
        for place in &self.places {
            let number = place.state.load(Relaxed);
            if number < FIRST_NUMBER {
                continue;
            }
            if let Ok(Some(waker)) = place.exchange(number, None, EMPTY) {
                waker.wake();
            }
        }
    }
}

/// A future's place on a list, which it leaves when this is dropped: a handler may be dropped while
/// it waits, and its waker would keep the place for ever.
pub(super) struct Waiting<'a> {
    list: &'a WaitList,
    /// The place, and the number of the waker that was put there.
    at: Option<(&'a Place, u64)>,
}

impl Waiting<'_> {
    /// Puts a waker on the list, instead of the one before. The caller looks again afterwards whether
    /// it still has to wait. Without a place it is woken at once, to look again later.
    pub(super) fn add(&mut self, waker: &Waker) {
        self.leave();
        let number = self.list.next_number.fetch_add(1, Relaxed);
        for place in &self.list.places {
            if place.state.load(Relaxed) == EMPTY
                && place.exchange(EMPTY, Some(waker.clone()), number).is_ok()
            {
                self.at = Some((place, number));
                return;
            }
        }
        waker.wake_by_ref();
    }

    /// Takes the waker off, unless it was woken: then the place may be another's.
    fn leave(&mut self) {
        if let Some((place, number)) = self.at.take() {
            let _ = place.exchange(number, None, EMPTY);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
