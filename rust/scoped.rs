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
        self.lend_after(|| Ok(()), f, wait)
    }

    /// As [`Self::lend`], unless `prepare` fails, which is called while the place is empty and nobody else
    /// can use it.
    ///
    /// Errors: as [`Self::lend`], and those of `prepare`.
    pub(crate) fn lend_after(
        &self,
        prepare: impl FnOnce() -> Result,
        f: &(dyn Fn(&T) + Sync),
        wait: impl FnOnce(),
    ) -> Result {
        if self.is_lent.xchg(true, Full) {
            return Err(EBUSY);
        }
        if let Err(error) = prepare() {
            self.is_lent.store(false, Release);
            return Err(error);
        }
        self.is_done.store(false, Relaxed);
        // INVARIANT: `f` is valid until this returns, before which it is taken back or
        // done.
        // `run` makes a pointer of it again, so its provenance is exposed before anybody can.
        self.f.store((&raw const f).expose_provenance(), Release);
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

/// What a closure is told: a type with a lifetime, which is another one at each call.
pub(crate) trait Told {
    /// The type with that lifetime.
    type For<'a>;
}

/// A closure that any number of threads call while its owner waits for them, without its type
/// and its lifetime. It is told a `T`.
///
/// # Invariants
///
/// `call` was made for the type of the closure that `f` points to, which is `Sync`.
pub(crate) struct Borrowed<T: Told> {
    f: *const c_void,
    call: unsafe fn(*const c_void, &T::For<'_>),
    _told: core::marker::PhantomData<fn(T)>,
}

// SAFETY: By the type invariant the closure is `Sync`: any thread may call it. A pointer to a
// function is `Send`.
unsafe impl<T: Told> Send for Borrowed<T> {}
// SAFETY: By the type invariant the closure is `Sync`: any threads may call it at a time. A
// pointer to a function is `Sync`.
unsafe impl<T: Told> Sync for Borrowed<T> {}

impl<T: Told> Borrowed<T> {
    pub(crate) fn new<F: Fn(&T::For<'_>) + Sync>(f: &F) -> Self {
        // INVARIANT: Both are for `F`, which is `Sync`.
        Self {
            f: (&raw const *f).cast(),
            call: call_as::<T, F>,
            _told: core::marker::PhantomData,
        }
    }

    /// Calls the closure.
    ///
    /// # Safety
    ///
    /// The closure that this was made from has not moved, and lives until this returns.
    pub(crate) unsafe fn call(&self, told: &T::For<'_>) {
        // SAFETY: By the type invariant `f` points to a closure of the type that `call` was
        // made for; by the caller's promise it is still there.
        unsafe { (self.call)(self.f, told) };
    }
}

/// # Safety
///
/// `f` must point to an `F` that lives until this returns.
unsafe fn call_as<T: Told, F: Fn(&T::For<'_>)>(f: *const c_void, told: &T::For<'_>) {
    // SAFETY: By this function's contract.
    unsafe { (*f.cast::<F>())(told) };
}
