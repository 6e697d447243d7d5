// SPDX-License-Identifier: GPL-2.0

//! A DPC as its queue sees it: which queue it is in, its neighbours there, what to call.

use super::policy::Importance;
use crate::{
    bindings,
    context::Task,
    cpu::CpuId, //
};
use core::{
    cell::UnsafeCell,
    marker::PhantomPinned,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    },
};

/// What is passed on from who inserts a DPC to its routine: `SystemArgument1` and
/// `SystemArgument2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arguments(pub usize, pub usize);

/// No queue, in [`Entry::queue`].
pub(super) const NO_QUEUE: u32 = 0;
/// No CPU, in [`Entry::target`]: the one that inserts.
const CURRENT: u32 = u32::MAX;
/// In [`Entry::uses`]: the entry is being dropped.
const IS_DYING: u32 = 1 << 31;

/// What a queue's lock guards of an entry: its neighbours, and its arguments.
pub(super) struct Link {
    pub(super) previous: Option<NonNull<Entry>>,
    pub(super) next: Option<NonNull<Entry>>,
    pub(super) arguments: Arguments,
}

/// A DPC without its type.
///
/// # Invariants
///
/// - `queue` is the number of the queue that it is in, and changes only with the lock of that
///   queue held; with the same lock held `link` is accessed, and otherwise not at all.
/// - `uses` counts: one while it is in a queue, one for each run. It does not move and is not
///   dropped before they are 0.
/// - `call` may be called with the entry and the arguments, in the context of its kind.
#[pin_data]
pub(super) struct Entry {
    pub(super) link: UnsafeCell<Link>,
    pub(super) queue: Atomic<u32>,
    uses: Atomic<u32>,
    importance: Atomic<u32>,
    target: Atomic<u32>,
    call: unsafe fn(NonNull<Entry>, Arguments),
    /// The name of the handler's type, by which people know the routine.
    pub(super) routine: &'static str,
    #[pin]
    _pinned: PhantomPinned,
}

// SAFETY: By the type invariant a lock guards all that is not atomic and changes.
unsafe impl Send for Entry {}
// SAFETY: Through a shared reference what changes is atomic, or, by the type invariant, behind a lock.
unsafe impl Sync for Entry {}

impl Entry {
    /// An entry that is in no queue.
    ///
    /// # Safety
    ///
    /// `call` may be called with the entry and its arguments, while it is counted as used, in
    /// the context of the queues that it is put into.
    pub(super) unsafe fn new(
        call: unsafe fn(NonNull<Entry>, Arguments),
        routine: &'static str,
    ) -> impl PinInit<Self> {
        // INVARIANT: It is in no queue, and does not run. The rest is the caller's promise.
        pin_init!(Self {
            link: UnsafeCell::new(Link {
                previous: None,
                next: None,
                arguments: Arguments(0, 0),
            }),
            queue: Atomic::new(NO_QUEUE),
            uses: Atomic::new(0),
            importance: Atomic::new(Importance::Medium as u32),
            target: Atomic::new(CURRENT),
            call,
            routine,
            _pinned: PhantomPinned,
        })
    }

    pub(super) fn importance(&self) -> Importance {
        Importance::ALL[self.importance.load(Relaxed) as usize % Importance::ALL.len()]
    }

    pub(super) fn set_importance(&self, importance: Importance) {
        self.importance.store(importance as u32, Relaxed);
    }

    pub(super) fn target(&self) -> Option<CpuId> {
        CpuId::from_u32(self.target.load(Relaxed))
    }

    pub(super) fn set_target(&self, target: Option<CpuId>) {
        self.target
            .store(target.map_or(CURRENT, |cpu| cpu.as_u32()), Relaxed);
    }

    pub(super) fn is_queued(&self) -> bool {
        self.queue.load(Acquire) != NO_QUEUE
    }

    /// Counts one more use. Returns false, and counts nothing, if the entry is being dropped.
    pub(super) fn begin_use(&self) -> bool {
        if self.uses.fetch_add(1, Full) & IS_DYING == 0 {
            return true;
        }
        self.end_use();
        false
    }

    /// Counts one use less. The entry may be gone when this returns.
    pub(super) fn end_use(&self) {
        let waited_for = (&raw const self.uses).cast_mut().cast();
        if self.uses.fetch_sub(1, Full) == IS_DYING + 1 {
            // SAFETY: Uses nothing but the address, to find who waits for it.
            unsafe { bindings::wake_waiters_of(waited_for) };
        }
    }

    /// From now on it cannot be inserted. `wait_until_unused` is to follow.
    pub(super) fn die(&self) {
        self.uses.add(IS_DYING, Relaxed);
    }

    /// Waits until it neither is in a queue nor runs, and never will.
    pub(super) fn wait_until_unused(&self, _task: &Task) {
        // SAFETY: The counter is an aligned `unsigned int`, and lives as long as `self`; the
        // token proves that this may sleep.
        unsafe { bindings::wait_until_is((&raw const self.uses).cast_mut().cast(), IS_DYING) };
    }
}

/// An entry that was taken off its queue to be run.
///
/// # Invariants
///
/// One of the entry's uses is this one's.
pub(super) struct Taken {
    pub(super) entry: NonNull<Entry>,
    pub(super) arguments: Arguments,
}

impl Taken {
    /// Runs it. It is still in use after that.
    ///
    /// # Safety
    ///
    /// The context is the one that its kind runs in.
    pub(super) unsafe fn run(&self) {
        // SAFETY: By the type invariant the entry is in use, and so still there.
        let call = unsafe { self.entry.as_ref() }.call;
        // SAFETY: By the invariants of the entry, and by the caller's promise.
        unsafe { call(self.entry, self.arguments) };
    }

    /// It has run, and may be gone when this returns.
    pub(super) fn end(self) {
        // SAFETY: By the type invariant it is in use until this ends that; the reference is not
        // used afterwards.
        unsafe { self.entry.as_ref() }.end_use();
    }
}
