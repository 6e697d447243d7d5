// SPDX-License-Identifier: GPL-2.0

//! What is done later, by a work item, because one has to wait for it and came where one may not.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use super::line::Line;
use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// The queue that such work is on. The library's module has it: dropping it waits until all of that work is done,
/// and the library's code can go.
pub(crate) struct LateQueue(());

impl LateQueue {
    /// Makes the queue, once.
    ///
    /// Errors: `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: Modules are inserted where one may sleep.
        to_result(unsafe { bindings::late_begin() })?;
        Ok(Self(()))
    }
}

impl Drop for LateQueue {
    fn drop(&mut self) {
        // SAFETY: The queue is there, as `new` has made it. Modules are removed where one may sleep.
        unsafe { bindings::late_end() };
    }
}

/// A work item, as a part of what it is about. It does not depend on that one's type: the code that runs last
/// has to be the library's, as the module that has the other may be gone when it ends.
///
/// # Invariants
///
/// `work` is set up for [`run`].
#[pin_data]
pub(super) struct Late {
    #[pin]
    work: Opaque<bindings::work_struct>,
    function: unsafe fn(*mut Late) -> Arc<Line>,
}

// SAFETY: The C side may use the work on any thread, and so may who queues it.
unsafe impl Send for Late {}
// SAFETY: Through a shared reference nothing can be done with it.
unsafe impl Sync for Late {}

impl Late {
    /// Work that is to call `function`, which returns the line that it was about.
    pub(super) fn new(function: unsafe fn(*mut Late) -> Arc<Line>) -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: Set up here.
            work <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes and stays where it is.
                unsafe { bindings::late_init(slot, Some(run)) };
            }),
            function,
        })
    }

    /// Calls the function soon, where one may sleep. The line is revoked only after that. May be called in any
    /// context but an NMI.
    ///
    /// Errors: `ENODEV` if the line was revoked; then it is not called.
    ///
    /// # Safety
    ///
    /// `this` is valid, and its function may be called with it once, on any thread; if this succeeds, it is given
    /// to that. `line` stays valid until this returns, and is the one that the function returns.
    pub(super) unsafe fn queue(this: *mut Self, line: &Line) -> Result {
        line.late().enter()?.stay();
        // SAFETY: By the type invariant the work is set up; by this function's contract it is valid, and is queued
        // once.
        unsafe { bindings::late_queue((&raw mut (*this).work).cast()) };
        Ok(())
    }
}

/// # Safety
///
/// For the C side, with the work of a [`Late`] that was queued.
unsafe extern "C" fn run(work: *mut bindings::work_struct) {
    // SAFETY: By this function's contract `work` lies in a `Late`, and whoever queued it has given that to its
    // function, which this calls once.
    let line = unsafe {
        let late = kernel::container_of!(Opaque::cast_from(work).cast_mut(), Late, work);
        ((*late).function)(late)
    };
    // The last that somebody else waits for: revocation, and then the end of the module whose handler it was.
    // What is left is the library's, and waited for by its end.
    //
    // SAFETY: Whoever queued the work has stayed inside for it.
    unsafe { line.late().leave() };
}
