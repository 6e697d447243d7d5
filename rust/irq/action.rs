// SPDX-License-Identifier: GPL-2.0

//! A handler as the kernel knows it: what is on the line, and how it gets off again, wherever its
//! registration is dropped.
//!
//! ```text
//!     Registration dropped ──by a task──────────────▶ free_irq(), which waits for the handler
//!                          └─in the handler, or ──▶ a work item of the kernel's ──▶ the same
//!                            where one may not sleep
//! ```
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use super::{
    handler::{
        Handler,
        ThreadableHandler,
        ThreadedHandler, //
    },
    late::Late,
    line::{
        Cookie,
        Line, //
    },
};
use crate::{
    bindings,
    context::{
        self,
        Context,
        HardIrq,
        Task, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// # Invariants
///
/// - Its address is the action's cookie, and it stays there until the line has freed the action.
/// - `late` has a function for an `Action<T>` in a box.
#[pin_data]
pub(super) struct Action<T> {
    #[pin]
    late: Late,
    line: Arc<Line>,
    #[pin]
    handler: T,
}

impl<T> Action<T> {
    pub(super) fn new(
        line: Arc<Line>,
        handler: impl PinInit<T, Error>,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            line,
            // INVARIANT: `free` is for this type.
            late <- Late::new(free::<T>),
        }? Error)
    }

    pub(super) fn handler(&self) -> &T {
        &self.handler
    }

    pub(super) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    pub(super) fn cookie(&self) -> Cookie {
        Cookie(core::ptr::from_ref(self).cast_mut().cast())
    }

    /// Takes the action off its line and waits for it; if that cannot be done here, soon.
    pub(super) fn free(self: Pin<KBox<Self>>) {
        let can_wait = Task::current().is_some() && !self.line.is_served_here();
        if can_wait {
            self.line.remove(self.cookie());
            return;
        }
        let line = self.line.clone();
        // SAFETY: Nothing is moved out of the box: it is taken apart by `free` only, or dropped.
        let this = KBox::into_raw(unsafe { Pin::into_inner_unchecked(self) });
        // SAFETY: It is valid, and in a box, which is given to `free`; it frees the action of `line`, and returns that.
        let queued = unsafe { Late::queue(&raw mut (*this).late, &line) };
        if queued.is_err() {
            // Revocation has taken off all actions, and waited for them.
            //
            // SAFETY: It came from the box, and nobody else was given it.
            drop(unsafe { Pin::new_unchecked(KBox::from_raw(this)) });
        }
    }
}

/// # Safety
///
/// For `late` of an `Action<T>` in a box, which is given to this.
unsafe fn free<T>(late: *mut Late) -> Arc<Line> {
    // SAFETY: By this function's contract `late` lies in an `Action<T>` that is ours, and that nothing has
    // been moved out of.
    let this = unsafe {
        let this = kernel::container_of!(late, Action<T>, late);
        Pin::new_unchecked(KBox::from_raw(this))
    };
    let line = this.line.clone();
    line.remove(this.cookie());
    line
}

/// The function that the kernel is to call for a handler of some kind, and the one for its thread.
pub(super) type Functions = (
    unsafe extern "C" fn(c_int, *mut c_void) -> bindings::irqreturn_t,
    bindings::irq_handler_t,
);

pub(super) fn hard<T: Handler>() -> Functions {
    (serve_hard::<T>, None)
}

pub(super) fn threadable<T: ThreadableHandler>() -> Functions {
    (serve_anywhere::<T>, None)
}

pub(super) fn threaded<T: ThreadedHandler>() -> Functions {
    (serve_primary::<T>, Some(serve_thread::<T>))
}

/// Learns what threads of lines are, before the handler that runs in one can take another one off its line. Whoever
/// has requested the handler may not have come to that yet.
fn learn_thread(irq: c_int) {
    // SAFETY: The kernel calls the handler for this line, so it is allocated, and its lock is not held.
    unsafe { bindings::irq_learn_thread(irq as u32) };
}

/// The handler of an action.
///
/// # Safety
///
/// `cookie` must be that of an action of a `T` that is on its line for all of `'a`.
unsafe fn handler<'a, T>(cookie: *mut c_void) -> &'a T {
    // SAFETY: By the type invariant of `Action` its address is the cookie; it is there while the action is
    // on the line, and shared: who has the box gives it up only when the action is off.
    unsafe { &(*cookie.cast_const().cast::<Action<T>>()).handler }
}

/// # Safety
///
/// For `request_threaded_irq`, as a primary handler that is not forced into a thread, with the cookie of
/// an action of a `T`.
unsafe extern "C" fn serve_hard<T: Handler>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: The kernel calls this while the action is on the line.
    let handler = unsafe { handler::<T>(cookie) };
    // SAFETY: The kernel calls primary handlers with interrupts off, and IRQF_NO_THREAD keeps this one
    // from being forced into a thread.
    unsafe { HardIrq::during(|irq| handler.handle(irq).into_raw()) }
}

/// # Safety
///
/// For `request_threaded_irq`, with the cookie of an action of a `T`.
unsafe extern "C" fn serve_anywhere<T: ThreadableHandler>(
    irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // A hard IRQ is no thread that could be learned of, and it takes long to find a line by its number.
    if !context::is_in_hard_irq() {
        learn_thread(irq);
    }
    // SAFETY: The kernel calls this while the action is on the line.
    let handler = unsafe { handler::<T>(cookie) };
    handler.handle().into_raw()
}

/// # Safety
///
/// For `request_threaded_irq`, as the primary handler of one with a thread, with the cookie of an action
/// of a `T`.
unsafe extern "C" fn serve_primary<T: ThreadedHandler>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: The kernel calls this while the action is on the line.
    let handler = unsafe { handler::<T>(cookie) };
    // SAFETY: The kernel calls primary handlers with interrupts off; a handler that says IRQF_ONESHOT is
    // never forced into a thread.
    unsafe { HardIrq::during(|irq| handler.handle(irq).into_raw()) }
}

/// # Safety
///
/// For `request_threaded_irq`, as the thread's function, with the cookie of an action of a `T`.
unsafe extern "C" fn serve_thread<T: ThreadedHandler>(
    irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    learn_thread(irq);
    // SAFETY: The kernel calls this while the action is on the line.
    let handler = unsafe { handler::<T>(cookie) };
    // SAFETY: The kernel calls thread functions in a kernel thread, with nothing locked or disabled.
    let task = unsafe { Task::assume() };
    handler.handle_threaded(task).into_raw()
}
