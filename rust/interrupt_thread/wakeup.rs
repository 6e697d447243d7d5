// SPDX-License-Identifier: GPL-2.0

//! What wakes an interrupt thread: the other end of the `Waker` that its handler is given.

use super::{
    life::Life,
    thread::Body, //
};
use crate::{
    kthread::Work,
    rcu, //
};
use core::{
    mem::ManuallyDrop,
    task::{
        RawWaker,
        RawWakerVTable,
        Waker, //
    }, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full, //
        },
        Arc, //
    }, //
};

/// The kernel threads of all CPUs and levels: of each, the work that is to go on.
pub(super) type Bodies = KVec<Pin<KBox<Work<Body>>>>;

/// The way to the kernel threads, which is shut before they go: a handler may have given its
/// waker away, and nobody knows how long that lives.
pub(super) type Gate = rcu::Slot<Bodies>;

/// The life of one interrupt thread, and the way to its kernel thread.
pub(super) struct Wakeup {
    life: Atomic<u32>,
    gate: Arc<Gate>,
    index: usize,
}

impl Wakeup {
    /// For the kernel thread at `index`; in the pool.
    pub(super) fn new(gate: Arc<Gate>, index: usize) -> Result<Arc<Self>> {
        let wakeup = Self {
            life: Atomic::new(Life::Idle as u32),
            gate,
            index,
        };
        Ok(Arc::new(wakeup, GFP_KERNEL)?)
    }

    pub(super) fn life(&self) -> Life {
        Life::from_raw(self.life.load(Acquire))
    }

    /// Moves it on, if `step` says to where. Returns where it is then, or `None` if it stays.
    pub(super) fn step(&self, step: impl Fn(Life) -> Option<Life>) -> Option<Life> {
        let mut before = self.life.load(Acquire);
        loop {
            let after = step(Life::from_raw(before))?;
            match self.life.cmpxchg(before, after as u32, Full) {
                Ok(_) => return Some(after),
                Err(now) => before = now,
            }
        }
    }

    /// Has the kernel thread go on, if the life has come to that.
    pub(super) fn schedule_if(&self, life: Option<Life>) {
        if life == Some(Life::Scheduled) {
            self.gate.read(|bodies, _unsleeping| {
                if let Some(body) = bodies.get(self.index) {
                    body.queue();
                }
            });
        }
    }

    /// What the handler waits for has come. May be called in any context but NMI.
    pub(super) fn wake(&self) {
        self.schedule_if(self.step(Life::wake));
    }

    /// A waker that calls [`Self::wake`].
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        let raw = RawWaker::new(Arc::into_raw(self.clone()).cast(), &VTABLE);
        // SAFETY: The functions of the table agree with the contract of `RawWaker`: the data
        // is a reference count of an `Arc<Wakeup>`, which `clone` adds to and `wake` and `drop`
        // take from; `Wakeup` is `Send` and `Sync`, so that any thread may call them.
        unsafe { Waker::from_raw(raw) }
    }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// # Safety
///
/// For the table of a waker: `data` is from `Arc::<Wakeup>::into_raw()`, and the waker's
/// reference lives.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: By the contract; the reference stays the waker's, as it is not dropped here.
    let this = ManuallyDrop::new(unsafe { Arc::from_raw(data.cast::<Wakeup>()) });
    RawWaker::new(Arc::into_raw((*this).clone()).cast(), &VTABLE)
}

/// # Safety
///
/// As [`clone`]; the waker gives its reference away.
unsafe fn wake(data: *const ()) {
    // SAFETY: By the contract, `data` is from `into_raw` and the reference is given to this.
    let this = unsafe { Arc::from_raw(data.cast::<Wakeup>()) };
    this.wake();
}

/// # Safety
///
/// As [`clone`].
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: By the contract `data` points to a `Wakeup` that the waker's reference keeps.
    let this = unsafe { &*data.cast::<Wakeup>() };
    this.wake();
}

/// # Safety
///
/// As [`clone`]; the waker gives its reference away.
unsafe fn drop_waker(data: *const ()) {
    // SAFETY: By the contract, `data` is from `into_raw` and the reference is given to this.
    drop(unsafe { Arc::from_raw(data.cast::<Wakeup>()) });
}
