// SPDX-License-Identifier: GPL-2.0

//! Registrations: who has put a handler on a line, and takes it off again.

use super::{
    action::{
        self,
        Action,
        Functions, //
    },
    disabled::Disabled,
    handler::{
        Handler,
        ThreadableHandler,
        ThreadedHandler, //
    },
    line::Line,
    options::Options, //
};
use crate::{
    bindings,
    context::Task,
    error::EOPNOTSUPP, //
};
use core::mem::ManuallyDrop;
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    sync::Arc, //
};

/// A handler on a line. Dropping it takes the handler off, and waits for it.
///
/// The last reference may be dropped anywhere but in an NMI. Where one may not sleep, and in the
/// handler itself and its thread, which would wait for themselves, the handler is taken off a moment later;
/// unbinding the line's device waits for that.
pub struct Registration<T: 'static> {
    // Taken by `drop`.
    action: ManuallyDrop<Pin<KBox<Action<T>>>>,
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
    /// # use irqlab::irq_chip::{Domain, Flow, Transparent};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// struct Count(Atomic<u32>);
    ///
    /// impl Handler for Count {
    ///     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
    ///         self.0.add(1, Relaxed);
    ///         IrqReturn::Handled
    ///     }
    /// }
    ///
    /// fn listen(line: &Arc<Line>) -> Result<Arc<Registration<Count>>> {
    ///     line.request(Sharing::Exclusive, c"count", Ok::<_, Error>(Count(Atomic::new(0))))
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// let listening = listen(line.line())?;
    /// line.send()?;
    /// # eventually!(task, listening.handler().0.load(Relaxed) > 0);
    /// // A moment later:
    /// assert_eq!(listening.handler().0.load(Relaxed), 1);
    /// ```
    pub fn request<T: Handler>(
        self: &Arc<Self>,
        options: impl Into<Options>,
        name: &'static CStr,
        handler: impl PinInit<T, Error>,
    ) -> Result<Arc<Registration<T>>> {
        let flags = options.into().flags() | bindings::IRQF_NO_THREAD | bindings::IRQF_COND_ONESHOT;
        Registration::new(self, handler, action::hard::<T>(), flags, name)
    }

    /// Puts a top half on the line that the kernel may move into a thread.
    /// Errors as [`Self::request`].
    pub fn request_threadable<T: ThreadableHandler>(
        self: &Arc<Self>,
        options: impl Into<Options>,
        name: &'static CStr,
        handler: impl PinInit<T, Error>,
    ) -> Result<Arc<Registration<T>>> {
        // As C's request_irq().
        let flags = options.into().flags() | bindings::IRQF_COND_ONESHOT;
        Registration::new(self, handler, action::threadable::<T>(), flags, name)
    }

    /// Puts a top half with a thread on the line. Errors as [`Self::request`].
    ///
    /// The line stays masked until its threads have finished, and everybody on a
    /// shared line has to agree to that: `EBUSY` if a handler without a thread is
    /// there ([`Line::handlers`] tells), or one that does not comes later.
    /// [`Self::request`] agrees.
    pub fn request_threaded<T: ThreadedHandler>(
        self: &Arc<Self>,
        options: impl Into<Options>,
        name: &'static CStr,
        handler: impl PinInit<T, Error>,
    ) -> Result<Arc<Registration<T>>> {
        let flags = options.into().flags() | bindings::IRQF_ONESHOT;
        Registration::new(self, handler, action::threaded::<T>(), flags, name)
    }
}

impl<T: Send + Sync> Registration<T> {
    fn new(
        line: &Arc<Line>,
        handler: impl PinInit<T, Error>,
        (primary, thread): Functions,
        flags: u32,
        name: &'static CStr,
    ) -> Result<Arc<Self>> {
        let action = KBox::pin_init(Action::new(line.clone(), handler), GFP_KERNEL)?;
        let this = Self {
            action: ManuallyDrop::new(action),
        };
        // If anything fails there is no action on the line, and `drop` finds none.
        let this = Arc::new(this, GFP_KERNEL)?;
        let cookie = this.action.cookie();
        line.add(cookie, |irq| {
            // SAFETY: The functions are for the cookie of an action of a `T`, which is pinned in its box
            // until the line has freed the action. The name is static.
            to_result(unsafe {
                bindings::request_threaded_irq(
                    irq,
                    Some(primary),
                    thread,
                    flags as usize,
                    name.as_char_ptr(),
                    cookie.0,
                )
            })
        })?;
        Ok(this)
    }
}

impl<T> Registration<T> {
    /// The handler, which other contexts may be running.
    ///
    /// ```
    /// # use irqlab::{context::{HardIrq, Task}, irq::{Handler, IrqReturn, Registration, Sharing}};
    /// # use irqlab::irq_chip::{Domain, Flow, Transparent};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler for Count {
    /// #     fn handle(&self, _irq: &HardIrq) -> IrqReturn {
    /// #         self.0.add(1, Relaxed);
    /// #         IrqReturn::Handled
    /// #     }
    /// # }
    /// fn without_it<T: Send + Sync>(it: &Arc<Registration<T>>, task: &Task, f: impl FnOnce(&T)) -> Result {
    ///     pr_info!("line {} is off\n", it.line().irq());
    ///     let _disabled = it.disable(task)?;
    ///     f(it.handler());
    ///     Ok(())
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// # let count = Ok::<_, Error>(Count(Atomic::new(0)));
    /// # let registration = line.line().request(Sharing::Exclusive, c"example", count)?;
    /// let mut nr_seen = u32::MAX;
    /// without_it(&registration, task, |count| {
    ///     let _ = line.send();
    ///     nr_seen = count.0.load(Relaxed);
    /// })?;
    /// assert_eq!(nr_seen, 0);
    /// # eventually!(task, registration.handler().0.load(Relaxed) > 0);
    /// // It is not lost, and arrives a moment later.
    /// assert_eq!(registration.handler().0.load(Relaxed), 1);
    /// ```
    pub fn handler(&self) -> &T {
        self.action.handler()
    }

    /// The line it is on.
    pub fn line(&self) -> &Arc<Line> {
        self.action.line()
    }

    /// Disables the line until the guard is dropped, and waits for its handlers.
    ///
    /// What is raised meanwhile is not lost: it is replayed once afterwards.
    /// Nests, and concerns everybody on the line.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EDEADLK` in a thread of the line, which would
    /// wait for itself: [`Self::disable_nosync`] does not wait; `ENOMEM`.
    pub fn disable(self: &Arc<Self>, task: &Task) -> Result<Disabled<T>> {
        let disabled = Disabled::new(self)?;
        self.line().synchronize(task)?;
        Ok(disabled)
    }

    /// Disables the line until the guard is dropped, and waits for nobody: its handlers may still run. May
    /// be called in any context but an NMI, also in the handler; and the guard may be dropped in another:
    /// the top half can make it, and the bottom half drop it, when the device may interrupt again.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EOPNOTSUPP` where the controller is behind a bus
    /// that one has to wait for, so that only a task can disable the line.
    ///
    /// ```
    /// # use irqlab::{context::{HardIrq, SoftIrq}, irq::{Disabled, IrqReturn, Registration}};
    /// # use irqlab::{new_raw_spinlock, raw_spinlock::RawSpinLock};
    /// # use kernel::{prelude::*, sync::Arc};
    /// type Kept<T> = RawSpinLock<Option<Disabled<T>>>;
    ///
    /// fn top_half<T: Send + Sync>(this: &Arc<Registration<T>>, kept: &Kept<T>, _irq: &HardIrq) {
    ///     let disabled = this.disable_nosync().ok();
    ///     kept.with(|kept, _off| *kept = disabled);
    /// }
    ///
    /// fn bottom_half<T: Send + Sync>(kept: &Kept<T>, _softirq: &SoftIrq) {
    ///     let disabled = kept.with(|kept, _off| kept.take());
    ///     drop(disabled);
    /// }
    /// ```
    pub fn disable_nosync(self: &Arc<Self>) -> Result<Disabled<T>> {
        if self.line().is_behind_bus()? {
            return Err(EOPNOTSUPP);
        }
        Disabled::new(self)
    }
}

impl<T> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: Taken once, as the value is dropped, and not used any more.
        unsafe { ManuallyDrop::take(&mut self.action) }.free();
    }
}
