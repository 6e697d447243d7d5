// SPDX-License-Identifier: GPL-2.0

//! Lets another CPU or thread call a closure that is on this one's stack.

use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
};

/// A place for one closure, which is called at most once, with a `T`.
///
/// ```text
///     empty ──lend──▶ lent ──run──▶ running ──▶ done ──┐
///       ▲              └──not in time─────────────────┤
///       └──────────────────────────────────────────────┘
/// ```
///
/// # Invariants
///
/// `f`, if it is not 0, is the address of a closure, as a fat pointer, that is valid
/// until it is taken back, or else until `is_done` is set.
pub(crate) struct Slot<T> {
    f: Atomic<usize>,
    is_lent: Atomic<bool>,
    is_done: Atomic<bool>,
    _argument: core::marker::PhantomData<fn(T)>,
}

impl<T> Slot<T> {
    pub(crate) const fn new() -> Self {
        // INVARIANT: There is none.
        Self {
            f: Atomic::new(0),
            is_lent: Atomic::new(false),
            is_done: Atomic::new(false),
            _argument: core::marker::PhantomData,
        }
    }

    /// Puts `f` there while `wait` has it called and waits for that.
    ///
    /// Errors: `EBUSY` if there is one, `ETIMEDOUT` if it was not called when `wait`
    /// returned.
    pub(crate) fn lend(&self, f: &(dyn Fn(&T) + Sync), wait: impl FnOnce()) -> Result {
        if self.is_lent.xchg(true, Full) {
            return Err(EBUSY);
        }
        self.is_done.store(false, Relaxed);
        // INVARIANT: `f` is valid until this returns, before which it is taken back or
        // done.
        self.f.store((&raw const f).addr(), Release);
        let _exposed = (&raw const f).expose_provenance();
        wait();
        let was_called = self.f.xchg(0, Full) == 0;
        // If so, perhaps on another CPU, where nothing holds it up.
        while was_called && !self.is_done() {
            core::hint::spin_loop();
        }
        self.is_lent.store(false, Release);
        if was_called {
            Ok(())
        } else {
            Err(ETIMEDOUT)
        }
    }

    /// Calls what is there, if anything is.
    pub(crate) fn run(&self, argument: &T) {
        let f = self.f.xchg(0, Full);
        if f == 0 {
            return;
        }
        let f = core::ptr::with_exposed_provenance::<&(dyn Fn(&T) + Sync)>(f);
        // SAFETY: By the type invariant; it was taken, so that it is valid until it is
        // done.
        unsafe { (*f)(argument) };
        self.is_done.store(true, Release);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.is_done.load(Acquire)
    }
}
