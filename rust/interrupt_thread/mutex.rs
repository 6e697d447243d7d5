// SPDX-License-Identifier: GPL-2.0

//! A mutex that handlers of interrupt threads share with tasks, and with each other.

use super::wait_list::{
    WaitList,
    Waiting, //
};
use crate::context::Task;
use core::{
    cell::UnsafeCell,
    future::Future,
    ops::{
        Deref,
        DerefMut, //
    },
    task::{
        Context,
        Poll, //
    }, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full, //
    }, //
};

/// A mutex around a `T`.
///
/// A handler that finds it locked blocks, and becomes a thread of its own: so that the holder,
/// which may be the very thread that it has interrupted, can go on and unlock it.
///
/// ```
/// # use irqlab::{context::Task, interrupt_thread::{Handler, Handlers, InterruptThreads, Level, Mutex, Run}};
/// # use kernel::{prelude::*, sync::Arc};
/// struct Counter(Mutex<u64>);
///
/// impl Handler for Counter {
///     async fn serve(this: Arc<Self>, _run: Run) {
///         *this.0.lock().await += 1;
///     }
/// }
///
/// fn count(counter: &Counter, task: &Task) -> u64 {
///     *counter.0.lock_in(task)
/// }
///
/// let counter = Arc::new(Counter(Mutex::new(0)?), GFP_KERNEL)?;
/// # let level = Level::new(5).ok_or(EINVAL)?;
/// # let threads = InterruptThreads::new(Handlers::new().thread(level, counter.clone())?, task)?;
/// threads.raise(level)?;
/// # eventually!(task, count(&counter, task) > 0);
/// // A moment later:
/// assert_eq!(count(&counter, task), 1);
/// ```
///
/// # Invariants
///
/// Only the holder of the [`Guard`], of which there is one while `is_locked`, accesses `value`.
pub struct Mutex<T> {
    is_locked: Atomic<bool>,
    waiters: WaitList,
    value: UnsafeCell<T>,
}

// SAFETY: By the type invariant one at a time accesses the `T`, which is `Send`.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// Unlocked. Errors: `ENOMEM`.
    pub fn new(value: T) -> Result<Self> {
        Ok(Self {
            is_locked: Atomic::new(false),
            waiters: WaitList::new()?,
            value: UnsafeCell::new(value),
        })
    }

    /// Locks it, if it is not.
    ///
    /// ```
    /// # use irqlab::interrupt_thread::Mutex;
    /// # use kernel::prelude::*;
    /// fn is_held() -> Result<bool> {
    ///     let mutex = Mutex::new(0u32)?;
    ///     let guard = mutex.try_lock().ok_or(EBUSY)?;
    ///     let is_held = mutex.try_lock().is_none();
    ///     drop(guard);
    ///     Ok(is_held)
    /// }
    ///
    /// assert!(is_held()?);
    /// ```
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        if self.is_locked.xchg(true, Full) {
            return None;
        }
        // INVARIANT: It was not locked, so that there is no other guard.
        Some(Guard(self))
    }

    /// Locks it in a handler, which blocks if it has to.
    pub fn lock(&self) -> Lock<'_, T> {
        Lock {
            mutex: self,
            waiting: self.waiters.waiting(),
        }
    }

    /// Locks it in a task, which sleeps if it has to, and looks again every now and then.
    pub fn lock_in(&self, task: &Task) -> Guard<'_, T> {
        const PAUSE_US: u32 = 100;

        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            task.sleep_us(PAUSE_US, PAUSE_US);
        }
    }
}

/// What [`Mutex::lock`] awaits.
#[must_use = "it does not lock before it is awaited"]
pub struct Lock<'a, T> {
    mutex: &'a Mutex<T>,
    waiting: Waiting<'a>,
}

impl<'a, T> Future for Lock<'a, T> {
    type Output = Guard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Guard<'a, T>> {
        if let Some(guard) = self.mutex.try_lock() {
            return Poll::Ready(guard);
        }
        self.waiting.add(context.waker());
        // Whoever unlocked it before the waker was on the list has not woken it.
        match self.mutex.try_lock() {
            Some(guard) => Poll::Ready(guard),
            None => Poll::Pending,
        }
    }
}

/// Keeps a [`Mutex`] locked while it lives. It belongs to no task: a handler takes it along
/// when it becomes a thread.
pub struct Guard<'a, T>(&'a Mutex<T>);

// SAFETY: A `&T` is all that several threads can get of a shared guard.
unsafe impl<T: Sync> Sync for Guard<'_, T> {}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the invariant of `Mutex` the value is this guard's; it is borrowed as
        // shared here.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: By the invariant of `Mutex` the value is this guard's, which is borrowed
        // exclusively here.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // In full order: who puts itself on the list meanwhile finds the mutex unlocked.
        self.0.is_locked.xchg(false, Full);
        self.0.waiters.wake_all();
    }
}
