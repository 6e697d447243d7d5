// SPDX-License-Identifier: GPL-2.0

//! Tasklets: a function that the soft IRQ runs once, soon, on this CPU.
//!
//! However often it is scheduled before it runs, it runs once. It never runs on
//! two CPUs at a time; different tasklets do.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use crate::{
    bindings,
    context::{
        SoftIrq,
        Task, //
    },
    deferred::{
        self,
        Deferred, //
    },
    nmi, //
};
use core::sync::atomic::{
    AtomicUsize,
    Ordering::SeqCst, //
};
use kernel::prelude::*;

pub use crate::deferred::Handler;

/// A tasklet around its handler.
///
/// ```
/// # use irqlab::{context::SoftIrq, tasklet::{Handler, Kind, Tasklet}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Count(Arc<Atomic<u32>>);
///
/// impl Handler<Kind> for Count {
///     fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
///         this.0.add(1, Relaxed);
///     }
/// }
///
/// let nr_runs = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
/// let count = Count(nr_runs.clone());
/// let tasklet = KBox::pin_init(Tasklet::new(Ok::<_, Error>(count)), GFP_KERNEL)?;
/// assert!(tasklet.schedule());
/// // Waits until it has run.
/// drop(tasklet);
/// assert_eq!(nr_runs.load(Relaxed), 1);
/// ```
pub type Tasklet<T> = Deferred<Kind, T>;

/// Keeps a tasklet disabled.
///
/// ```
/// # use irqlab::{context::{SoftIrq, Task}, tasklet::{Disabled, Handler, Kind, Tasklet}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// # struct Count(Atomic<u32>);
/// # impl Handler<Kind> for Count {
/// #     fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
/// #         this.0.add(1, Relaxed);
/// #     }
/// # }
/// fn begin_disabled<T>(tasklet: &Arc<Tasklet<T>>, task: &Task) -> Disabled<T> {
///     tasklet.disable(task)
/// }
///
/// # let tasklet = Arc::pin_init(Tasklet::new(Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
/// let disabled = begin_disabled(&tasklet, task);
/// // It stays scheduled.
/// assert!(tasklet.schedule() && !tasklet.schedule());
/// drop(disabled);
/// # eventually!(task, tasklet.0.load(Relaxed) > 0);
/// // A moment later:
/// assert_eq!(tasklet.0.load(Relaxed), 1);
/// ```
pub type Disabled<T> = deferred::Disabled<Kind, T>;

/// The kind of deferral that a tasklet is.
pub enum Kind {}

// SAFETY: A tasklet's state is changed by atomic operations only. `tasklet_kill()` waits until it is
// neither scheduled nor running, which comes to an end: once it is dying it is not scheduled again,
// and one that is disabled has guards, which hold it.
unsafe impl deferred::Kind for Kind {
    type Raw = bindings::tasklet_struct;
    type Own = ();
    type Context = SoftIrq;

    unsafe fn stop<T>(this: &Tasklet<T>) {
        // SAFETY: It is set up, and the caller may sleep by this function's contract.
        unsafe { bindings::tasklet_kill(this.raw()) };
    }
}

// SAFETY: C's functions ask for no more. The count of disablings is atomic; a handler, which has no
// token of a task, cannot disable its tasklet.
unsafe impl deferred::Disable for Kind {
    type Told = ();
    const DISABLE: unsafe extern "C" fn(*mut Self::Raw) = bindings::tasklet_disable;
    const DISABLE_SYNC: unsafe extern "C" fn(*mut Self::Raw) = bindings::tasklet_disable;
    const ENABLE: unsafe extern "C" fn(*mut Self::Raw) = bindings::tasklet_enable;
}

impl<T: Handler<Kind>> Tasklet<T> {
    /// An initialiser for a tasklet that runs `handler`.
    pub fn new(handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        // SAFETY: The callback is for this type; the place is as `tasklet_setup()` wants it. The soft
        // IRQ calls it.
        unsafe {
            Self::with((), handler, |raw| {
                bindings::tasklet_setup(raw, Some(Self::run))
            })
        }
    }

    /// Runs the tasklet soon, on this CPU. Returns whether it was idle. May be called in any context but an
    /// NMI, where it is refused.
    #[inline]
    pub fn schedule(&self) -> bool {
        self.schedule_by(bindings::__tasklet_schedule)
    }

    /// As [`Self::schedule`], in the soft IRQ that runs before all others.
    ///
    /// ```
    /// # use irqlab::{context::SoftIrq, tasklet::{Handler, Kind, Tasklet}};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Count(Arc<Atomic<u32>>);
    /// # impl Handler<Kind> for Count {
    /// #     fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
    /// #         this.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// fn before_all_others<T: Handler<Kind>>(tasklet: &Tasklet<T>) -> bool {
    ///     tasklet.schedule_hi()
    /// }
    ///
    /// # let nr_runs = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
    /// # let count = Count(nr_runs.clone());
    /// # let tasklet = KBox::pin_init(Tasklet::new(Ok::<_, Error>(count)), GFP_KERNEL)?;
    /// assert!(before_all_others(&tasklet));
    /// drop(tasklet);
    /// assert_eq!(nr_runs.load(Relaxed), 1);
    /// ```
    #[inline]
    pub fn schedule_hi(&self) -> bool {
        self.schedule_by(bindings::__tasklet_hi_schedule)
    }

    /// What C's `tasklet_schedule()` does inline, which does not tell what it found.
    #[inline]
    fn schedule_by(
        &self,
        put_on_list: unsafe extern "C" fn(*mut bindings::tasklet_struct),
    ) -> bool {
        const SCHED: usize = 1 << bindings::TASKLET_STATE_SCHED;

        if nmi::is_refused() {
            return false;
        }
        // SAFETY: It is set up, and lives until `stop` has killed it. The field is aligned, and changed by
        // atomic operations only.
        let state = unsafe { AtomicUsize::from_ptr(&raw mut (*self.raw()).state) };
        let is_idle = !self.is_dying() && state.fetch_or(SCHED, SeqCst) & SCHED == 0;
        if is_idle {
            // SAFETY: It is set up, and this has marked it as scheduled, so that it is on no list.
            unsafe { put_on_list(self.raw()) };
        }
        is_idle
    }

    /// The address of what the kernel calls for all tasklets with this type of handler: the
    /// function in the events of [`tracepoint`](crate::tracepoint).
    ///
    /// ```
    /// # use irqlab::{context::SoftIrq, tasklet::{Handler, Kind, Tasklet}};
    /// # use kernel::prelude::*;
    /// # struct Quiet;
    /// # impl Handler<Kind> for Quiet {
    /// #     fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {}
    /// # }
    /// fn show<T: Handler<Kind>>(tasklet: &Tasklet<T>) {
    ///     pr_info!("tasklet_entry shows {:#x}\n", tasklet.function());
    /// }
    ///
    /// # let tasklet = KBox::pin_init(Tasklet::new(Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
    /// # let other = KBox::pin_init(Tasklet::new(Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
    /// show(&tasklet);
    /// assert!(tasklet.function() != 0 && tasklet.function() == other.function());
    /// ```
    pub fn function(&self) -> usize {
        // SAFETY: It is set up, and what it calls never changes.
        let callback = unsafe { (*self.raw()).__bindgen_anon_1.callback };
        callback.map_or(0, |callback| callback as usize)
    }

    /// Waits until the tasklet is neither scheduled nor running. It can be scheduled again.
    ///
    /// Waits for ever while the tasklet is scheduled and disabled: hence not for everybody.
    pub(crate) fn kill(&self, _task: &Task) {
        // SAFETY: It is set up, and the token proves that this may sleep.
        unsafe { bindings::tasklet_kill(self.raw()) };
    }
}
