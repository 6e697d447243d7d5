// SPDX-License-Identifier: GPL-2.0

//! An object that hot paths read without a lock while it is replaced.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use crate::{
    bindings,
    context::{
        Context,
        Task,
        Unsleeping, //
    },
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full, //
    },
    rcu,
    Arc, //
};

/// A place for one `Arc<T>`, read under RCU.
///
/// ```
/// # use irqlab::{context::Task, rcu::Slot};
/// # use kernel::{prelude::*, sync::Arc};
/// fn use_and_replace(limit: &Slot<u32>, task: &Task) -> Result<bool> {
///     let is_above = limit.read(|limit, _unsleeping| *limit < 5).unwrap_or(false);
///     drop(limit.replace(Some(Arc::new(7, GFP_KERNEL)?), task));
///     Ok(is_above)
/// }
///
/// let limit = Slot::new();
/// limit.replace(Some(Arc::new(3, GFP_KERNEL)?), task);
/// assert!(use_and_replace(&limit, task)?);
/// assert!(!use_and_replace(&limit, task)?);
/// ```
///
/// # Invariants
///
/// `current` is null or from `Arc::into_raw()`, and owns that reference. Readers
/// use what it points to within one RCU read-side critical section.
pub struct Slot<T> {
    current: Atomic<*mut T>,
    _owns: PhantomData<Arc<T>>,
}

// SAFETY: It is an `Option<Arc<T>>` that locks for itself.
unsafe impl<T: Send + Sync> Send for Slot<T> {}
// SAFETY: Through a shared reference readers get at the `T`, which is `Sync`, by an atomic
// pointer; who replaces it takes what was there, as `T` is `Send`, after all readers have ended.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T: Send + Sync> Slot<T> {
    /// A place with nothing in it.
    ///
    /// ```
    /// # use irqlab::rcu::Slot;
    /// static LIMIT: Slot<u32> = Slot::new();
    ///
    /// fn limit() -> Option<u32> {
    ///     LIMIT.read(|limit, _unsleeping| *limit)
    /// }
    ///
    /// assert_eq!(limit(), None);
    /// ```
    #[expect(clippy::new_without_default)]
    pub const fn new() -> Self {
        // INVARIANT: Null.
        Self {
            current: Atomic::new(ptr::null_mut()),
            _owns: PhantomData,
        }
    }

    /// Calls `f` with the object, if there is one. May be called in any context.
    ///
    /// `f` may not sleep, and cannot have the token of a task with it, as it is [`Send`]; nor does
    /// [`Task::current`] give it one, where the kernel counts readers. It gets a token that says so.
    #[inline]
    pub fn read<R>(&self, f: impl FnOnce(&T, &Unsleeping) -> R + Send) -> Option<R> {
        let _guard = rcu::read_lock();
        // SAFETY: By the type invariant this is null or valid, and `replace`
        // waits for the guard before it gives the reference away.
        let current = unsafe { self.current.load(Acquire).as_ref() };
        // SAFETY: This is a read-side critical section until the guard goes.
        let unsleeping = unsafe { Unsleeping::assume() };
        current.map(|current| f(current, unsleeping))
    }

    /// Puts `new` there, and returns what was there when nobody reads it any more.
    pub fn replace(&self, new: Option<Arc<T>>, _task: &Task) -> Option<Arc<T>> {
        let new = new.map_or(ptr::null_mut(), |new| Arc::into_raw(new).cast_mut());
        // INVARIANT: The reference goes there.
        let old = self.current.xchg(new, Full);
        if old.is_null() {
            return None;
        }
        // SAFETY: The token proves that this may sleep.
        unsafe { bindings::synchronize_rcu() };
        // SAFETY: From `into_raw` by the type invariant, and taken from the place.
        Some(unsafe { Arc::from_raw(old) })
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        let current = self.current.load(Acquire);
        if !current.is_null() {
            // SAFETY: By the type invariant; readers borrow the slot, so there
            // are none.
            drop(unsafe { Arc::from_raw(current) });
        }
    }
}
