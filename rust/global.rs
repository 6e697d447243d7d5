// SPDX-License-Identifier: GPL-2.0

//! An object that a module shares with callbacks that get no pointer to it.
//!
//! A driver's `probe` is a plain function: if it needs an object that the
//! module made, it has to find it in a static. A [`Global`] is such a static. It
//! holds the object while the [`Published`] guard lives, so that it is empty when
//! the module is removed.

use crate::bindings;
use core::cell::UnsafeCell;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// A static place for one `Arc<T>`.
///
/// ```
/// # use irqlab::global::{Global, Published};
/// # use kernel::{prelude::*, sync::Arc};
/// static ANSWER: Global<u32> = Global::new();
///
/// fn module_init() -> Result<Published<u32>> {
///     ANSWER.publish(Arc::new(42, GFP_KERNEL)?)
/// }
///
/// fn probe() -> Result<u32> {
///     ANSWER.get().map(|answer| *answer).ok_or(ENODEV)
/// }
///
/// let published = module_init()?;
/// assert_eq!(probe(), Ok(42));
/// // Nobody gets it any more.
/// drop(published);
/// assert_eq!(probe(), Err(ENODEV));
/// ```
///
/// # Invariants
///
/// The cell is only accessed with the library's global raw spinlock held.
pub struct Global<T: 'static>(UnsafeCell<Option<Arc<T>>>);

// SAFETY: By the type invariant a lock guards the cell; what it holds may be
// used from every thread.
unsafe impl<T: Send + Sync> Sync for Global<T> {}

impl<T: Send + Sync> Global<T> {
    /// An empty place.
    #[expect(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// Puts `object` there until the guard is dropped.
    ///
    /// Errors: `EBUSY` if there is one already.
    pub fn publish(&'static self, object: Arc<T>) -> Result<Published<T>> {
        // What is refused is dropped outside the lock: its own drop may use another `Global`.
        let refused = self.with(|place| match place {
            Some(_) => Some(object),
            None => place.replace(object),
        });
        match refused {
            Some(_) => Err(EBUSY),
            None => Ok(Published(self)),
        }
    }

    /// The object that is there. May be called in any context but NMI.
    pub fn get(&self) -> Option<Arc<T>> {
        self.with(|place| place.clone())
    }

    fn with<R>(&self, f: impl FnOnce(&mut Option<Arc<T>>) -> R) -> R {
        // SAFETY: One static lock, which is initialised, and which nothing is called with that takes it.
        let flags = unsafe { bindings::global_lock() };
        // SAFETY: The lock is held, and `f` cannot get at the cell again: it
        // is one of the closures of this file, none of which drops an object.
        let result = f(unsafe { &mut *self.0.get() });
        // SAFETY: Locked above, by this CPU, which had these flags.
        unsafe { bindings::global_unlock(flags) };
        result
    }
}

/// Keeps an object in its [`Global`].
pub struct Published<T: Send + Sync + 'static>(&'static Global<T>);

impl<T: Send + Sync> Drop for Published<T> {
    fn drop(&mut self) {
        // Dropped outside the lock: its own drop may use another `Global`.
        drop(self.0.with(Option::take));
    }
}
