// SPDX-License-Identifier: GPL-2.0

//! Mutexes with priority inheritance: who holds one runs with the highest priority of those who wait for it.
//!
//! An ordinary mutex has none but on `PREEMPT_RT`: a task of low priority that holds it may be kept from running by
//! one of middle priority, and keeps one of high priority waiting meanwhile.
//!
//! C header: [`include/linux/rtmutex.h`](srctree/include/linux/rtmutex.h)

use crate::{
    bindings,
    context::Task, //
};
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    str::CStr,
    sync::LockClassKey, //
};

/// Makes an [`RtMutex`], with a lock class of its own.
#[macro_export]
macro_rules! new_rt_mutex {
    () => {
        $crate::rt_mutex::RtMutex::new(
            ::kernel::c_str!(::core::concat!(::core::file!(), ":", ::core::line!())),
            ::kernel::static_lock_class!(),
        )
    };
}

/// A lock that one task at a time has. Made by [`new_rt_mutex!`](crate::new_rt_mutex).
///
/// ```
/// # use irqlab::{context::Task, new_rt_mutex, rt_mutex::RtMutex};
/// # use kernel::prelude::*;
/// struct Bus(RtMutex);
///
/// impl Bus {
///     fn new() -> Result<Self> {
///         Ok(Self(new_rt_mutex!()?))
///     }
///
///     fn transfer(&self, task: &Task) -> usize {
///         // Nobody else does.
///         self.0.with(task, || 17)
///     }
/// }
///
/// assert_eq!(Bus::new()?.transfer(task), 17);
/// ```
///
/// # Invariants
///
/// `raw` points to an `rt_mutex` that is initialised, and ours to free.
pub struct RtMutex {
    raw: NonNull<c_void>,
}

// SAFETY: The lock belongs to no thread of execution: any task may take it, and any may free it when it is dropped.
unsafe impl Send for RtMutex {}
// SAFETY: What can be done with a shared one is to take it, which C makes safe for any number of tasks at once.
unsafe impl Sync for RtMutex {}

impl RtMutex {
    /// A lock that nobody has. Use [`new_rt_mutex!`](crate::new_rt_mutex).
    ///
    /// Errors: `ENOMEM`.
    pub fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> Result<Self> {
        // SAFETY: The name and the key are static.
        let raw = unsafe { bindings::rt_mutex_new(name.as_char_ptr(), key.as_ptr()) };
        // INVARIANT: Just made, and nobody else has it.
        Ok(Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
        })
    }

    /// Runs `f` with the lock held, for which this waits. Whoever takes it in `f` again waits for ever, as in C;
    /// kernels with lockdep report it.
    pub fn with<R>(&self, _task: &Task, f: impl FnOnce() -> R) -> R {
        // SAFETY: Initialised by the type invariant; the token proves that this may sleep.
        unsafe { bindings::rt_mutex_lock(self.raw.as_ptr()) };
        let result = f();
        // SAFETY: This task has taken it above.
        unsafe { bindings::rt_mutex_unlock(self.raw.as_ptr()) };
        result
    }
}

impl Drop for RtMutex {
    fn drop(&mut self) {
        // SAFETY: Ours to free by the type invariant. Nobody holds it: who does borrows `self`.
        unsafe { bindings::rt_mutex_free(self.raw.as_ptr()) };
    }
}
