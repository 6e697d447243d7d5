// SPDX-License-Identifier: GPL-2.0

//! Handlers on a line: the top half, and for threaded ones the bottom half too.

use super::line::{
    Cookie,
    Line, //
};
use crate::{
    bindings,
    context::{
        Context,
        HardIrq,
        Task, //
    },
};
use core::marker::PhantomPinned;
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    sync::Arc, //
};

/// What a handler answers to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqReturn {
    /// The interrupt was not from this handler's device.
    None,
    /// It was, and is dealt with.
    Handled,
}

impl IrqReturn {
    const fn into_raw(self) -> bindings::irqreturn_t {
        match self {
            IrqReturn::None => bindings::irqreturn::IRQ_NONE,
            IrqReturn::Handled => bindings::irqreturn::IRQ_HANDLED,
        }
    }
}

/// What the primary handler of a threaded interrupt answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadedIrqReturn {
    /// The interrupt was not from this handler's device.
    None,
    /// It was, and is dealt with: the thread is not needed.
    Handled,
    /// It was, and the thread is to do the rest.
    WakeThread,
}

/// A top half.
///
/// It runs in true hard IRQ context on every kernel: `PREEMPT_RT` would move it
/// into a thread, and is asked not to (`IRQF_NO_THREAD`), so that the token is
/// always the truth.
pub trait Handler: Send + Sync + 'static {
    /// Serves one interrupt. Runs with interrupts off and may not sleep.
    fn handle(&self, irq: &HardIrq) -> IrqReturn;
}

/// A top half that the kernel may move into a thread.
///
/// That is what an ordinary driver asks for: its handler runs in hard IRQ
/// context, or with forced threading (`PREEMPT_RT`, `threadirqs`) in a thread of
/// the line. It may rely on neither, so there is no token.
pub trait ThreadableHandler: Send + Sync + 'static {
    /// Serves one interrupt. May not sleep.
    fn handle(&self) -> IrqReturn;
}

/// A top half with a thread for the rest.
///
/// The line stays masked until the thread has finished (`IRQF_ONESHOT`), where
/// its flow can mask.
pub trait ThreadedHandler: Send + Sync + 'static {
    /// Serves one interrupt. Runs with interrupts off and may not sleep.
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn;

    /// Does the rest, in the line's own kernel thread (`irq/N-name`), which may sleep.
    fn handle_threaded(&self, task: &Task) -> IrqReturn;
}

/// Whether other handlers may be on the same line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody else: a second request answers `EBUSY`, and the kernel logs it.
    Exclusive,
    /// As [`Self::Exclusive`], where `EBUSY` is expected and not to be logged.
    ExclusiveIfFree,
    /// Others who also say so. All are called for every interrupt.
    Shared,
}

impl Sharing {
    const fn flags(self) -> u32 {
        match self {
            Sharing::Exclusive => 0,
            Sharing::ExclusiveIfFree => bindings::IRQF_PROBE_SHARED,
            Sharing::Shared => bindings::IRQF_SHARED,
        }
    }
}

/// A handler on a line. Dropping it takes the handler off, and waits for it.
///
/// # Invariants
///
/// Its address is the action's cookie, and it stays there until the line has
/// freed the action.
#[pin_data(PinnedDrop)]
pub struct Registration<T> {
    line: Arc<Line>,
    #[pin]
    handler: T,
    #[pin]
    _pin: PhantomPinned,
}

impl Line {
    /// Puts a top half on the line, under `name` in `/proc/interrupts`.
    ///
    /// If handlers with a thread are on it, the line stays masked until their
    /// threads have finished, for this one too (`IRQF_COND_ONESHOT`).
    ///
    /// Errors: `ENODEV` after the device was unbound, `EBUSY` if the line is
    /// taken and both do not share it, `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::{context::HardIrq, irq::{Handler, IrqReturn, Line, Registration, Sharing}};
    /// # use kernel::{prelude::*, sync::Arc};
    /// struct Quiet;
    ///
    /// impl Handler for Quiet {
    ///     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
    ///         IrqReturn::Handled
    ///     }
    /// }
    ///
    /// fn listen(line: &Arc<Line>) -> Result<Arc<Registration<Quiet>>> {
    ///     line.request(Sharing::Exclusive, c"quiet", Ok::<_, Error>(Quiet))
    /// }
    /// ```
    pub fn request<T: Handler>(
        self: &Arc<Self>,
        sharing: Sharing,
        name: &'static CStr,
        handler: impl PinInit<T, Error>,
    ) -> Result<Arc<Registration<T>>> {
        let flags = sharing.flags() | bindings::IRQF_NO_THREAD | bindings::IRQF_COND_ONESHOT;
        Registration::new(self, handler, |irq, cookie| {
            // SAFETY: `hard::<T>` may be called with the address of a pinned
            // `Registration<T>`, valid until the action is freed.
            to_result(unsafe {
                bindings::request_threaded_irq(
                    irq,
                    Some(hard::<T>),
                    None,
                    flags as usize,
                    name.as_char_ptr(),
                    cookie,
                )
            })
        })
    }

    /// Puts a top half on the line that the kernel may move into a thread.
    /// Errors as [`Self::request`].
    pub fn request_threadable<T: ThreadableHandler>(
        self: &Arc<Self>,
        sharing: Sharing,
        name: &'static CStr,
        handler: impl PinInit<T, Error>,
    ) -> Result<Arc<Registration<T>>> {
        // As C's request_irq().
        let flags = sharing.flags() | bindings::IRQF_COND_ONESHOT;
        Registration::new(self, handler, |irq, cookie| {
            // SAFETY: `threadable::<T>` may be called with the address of a pinned
            // `Registration<T>`, valid until the action is freed.
            to_result(unsafe {
                bindings::request_threaded_irq(
                    irq,
                    Some(threadable::<T>),
                    None,
                    flags as usize,
                    name.as_char_ptr(),
                    cookie,
                )
            })
        })
    }

    /// Puts a top half with a thread on the line. Errors as [`Self::request`].
    ///
    /// The line stays masked until its threads have finished, and everybody on a
    /// shared line has to agree to that: `EBUSY` if a handler without a thread is
    /// there ([`Line::handlers`] tells), or one that does not comes later.
    /// [`Self::request`] agrees.
    pub fn request_threaded<T: ThreadedHandler>(
        self: &Arc<Self>,
        sharing: Sharing,
        name: &'static CStr,
        handler: impl PinInit<T, Error>,
    ) -> Result<Arc<Registration<T>>> {
        let flags = sharing.flags() | bindings::IRQF_ONESHOT;
        Registration::new(self, handler, |irq, cookie| {
            // SAFETY: `primary::<T>` and `thread::<T>` may be called with the address of a
            // pinned `Registration<T>`, valid until the action is freed.
            to_result(unsafe {
                bindings::request_threaded_irq(
                    irq,
                    Some(primary::<T>),
                    Some(thread::<T>),
                    flags as usize,
                    name.as_char_ptr(),
                    cookie,
                )
            })
        })
    }
}

impl<T> Registration<T> {
    fn new(
        line: &Arc<Line>,
        handler: impl PinInit<T, Error>,
        request: impl FnOnce(u32, *mut c_void) -> Result,
    ) -> Result<Arc<Self>> {
        let this = Arc::pin_init(
            try_pin_init!(Self {
                line: line.clone(),
                handler <- handler,
                _pin: PhantomPinned,
            }),
            GFP_KERNEL,
        )?;
        // INVARIANT: The `Arc` pins it, and `drop` frees the action.
        // If the request fails, there is no action, and `drop` finds none.
        line.add(this.cookie(), |irq| request(irq, this.cookie().0))?;
        Ok(this)
    }

    fn cookie(&self) -> Cookie {
        Cookie(core::ptr::from_ref(self).cast_mut().cast())
    }

    /// The handler, which other contexts may be running.
    pub fn handler(&self) -> &T {
        &self.handler
    }

    /// The line it is on.
    pub fn line(&self) -> &Arc<Line> {
        &self.line
    }

    /// Disables the line until the guard is dropped, and waits for its handlers.
    ///
    /// What is raised meanwhile is not lost: it is replayed once afterwards.
    /// Nests, and concerns everybody on the line.
    ///
    /// Errors: `ENODEV` after the device was unbound.
    pub fn disable(self: &Arc<Self>, task: &Task) -> Result<Disabled<T>> {
        self.line.with_bound(|irq| {
            // SAFETY: The line is allocated.
            unsafe { bindings::disable_irq_nosync(irq) };
            Ok(())
        })?;
        // INVARIANT: Just disabled.
        let disabled = Disabled(self.clone());
        self.line.synchronize(task);
        Ok(disabled)
    }
}

#[pinned_drop]
impl<T> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        self.line.remove(self.cookie());
    }
}

/// Keeps a line disabled. Made by [`Registration::disable`], whose registration
/// it holds: giving the line back meanwhile would reset its depth.
///
/// # Invariants
///
/// One `disable_irq()` of the line is this guard's to undo, unless the line
/// was revoked.
pub struct Disabled<T>(Arc<Registration<T>>);

impl<T> Drop for Disabled<T> {
    fn drop(&mut self) {
        // A revoked line has no handler left, and its depth was reset.
        let _ = self.0.line.with_bound(|irq| {
            // SAFETY: The line is allocated; the type invariant owes it one enable.
            unsafe { bindings::enable_irq(irq) };
            Ok(())
        });
    }
}

/// # Safety
///
/// For `request_threaded_irq` with the address of a `Registration<T>` that
/// outlives the action.
unsafe extern "C" fn hard<T: Handler>(_irq: c_int, cookie: *mut c_void) -> bindings::irqreturn_t {
    // SAFETY: By this function's contract, and `T` is `Sync`.
    let handler = unsafe { &(*cookie.cast_const().cast::<Registration<T>>()).handler };
    // SAFETY: The kernel calls primary handlers in hard IRQ context;
    // IRQF_NO_THREAD keeps it so where it would force a thread.
    let irq = unsafe { HardIrq::assume() };
    handler.handle(irq).into_raw()
}

/// # Safety
///
/// As [`hard`].
unsafe extern "C" fn threadable<T: ThreadableHandler>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: By this function's contract, and `T` is `Sync`.
    let handler = unsafe { &(*cookie.cast_const().cast::<Registration<T>>()).handler };
    handler.handle().into_raw()
}

/// # Safety
///
/// As [`hard`].
unsafe extern "C" fn primary<T: ThreadedHandler>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: By this function's contract, and `T` is `Sync`.
    let handler = unsafe { &(*cookie.cast_const().cast::<Registration<T>>()).handler };
    // SAFETY: The kernel calls primary handlers in hard IRQ context;
    // IRQF_ONESHOT with a thread of its own is never forced into another.
    let irq = unsafe { HardIrq::assume() };
    match handler.handle(irq) {
        ThreadedIrqReturn::None => bindings::irqreturn::IRQ_NONE,
        ThreadedIrqReturn::Handled => bindings::irqreturn::IRQ_HANDLED,
        ThreadedIrqReturn::WakeThread => bindings::irqreturn::IRQ_WAKE_THREAD,
    }
}

/// # Safety
///
/// As [`hard`].
unsafe extern "C" fn thread<T: ThreadedHandler>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: By this function's contract, and `T` is `Sync`.
    let handler = unsafe { &(*cookie.cast_const().cast::<Registration<T>>()).handler };
    // SAFETY: The kernel calls thread functions in a kernel thread of the line.
    let task = unsafe { Task::assume() };
    handler.handle_threaded(task).into_raw()
}
