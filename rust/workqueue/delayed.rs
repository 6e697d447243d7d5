// SPDX-License-Identifier: GPL-2.0

//! Delayed work: work that a timer puts on its queue.

use super::Queue;
use crate::{
    bindings,
    context::{
        Context,
        Task, //
    },
    deferred::{
        self,
        is_current_work,
        Deferred,
        Handler, //
    },
    nmi, //
};
use core::marker::PhantomData;
use kernel::{
    cpu::CpuId,
    prelude::*,
    str::CStr,
    sync::{
        Arc,
        LockClassKey, //
    },
    time::Jiffies,
};

/// Makes an initialiser for [`DelayedWork`], with lock classes of its own.
///
/// ```
/// # use irqlab::{context::Task, new_delayed_work};
/// # use irqlab::workqueue::{Delayed, DelayedWork, Handler, Queue};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Later(Atomic<u32>);
///
/// impl Handler<Delayed> for Later {
///     fn run(this: &DelayedWork<Self>, _task: &Task) {
///         this.0.add(1, Relaxed);
///     }
/// }
///
/// let queue = Arc::new(Queue::unbound(c"example")?, GFP_KERNEL)?;
/// let work = new_delayed_work!(queue, Ok::<_, Error>(Later(Atomic::new(0))));
/// let work = KBox::pin_init(work, GFP_KERNEL)?;
/// work.queue(1_000_000);
/// // Now, not when the time has come.
/// work.flush(task)?;
/// assert_eq!(work.0.load(Relaxed), 1);
/// ```
#[macro_export]
macro_rules! new_delayed_work {
    ($queue:expr, $handler:expr) => {
        $crate::workqueue::DelayedWork::new(
            $queue,
            $handler,
            ::kernel::c_str!(::core::concat!(::core::file!(), ":", ::core::line!())),
            ::kernel::static_lock_class!(),
            ::kernel::static_lock_class!(),
        )
    };
}

/// Delayed work around its handler, which runs in `C`. Made by
/// [`new_delayed_work!`](crate::new_delayed_work).
///
/// It is for one queue, which it keeps: destroying a queue waits for work that is on it, but not for
/// timers that have yet to put work there.
pub type DelayedWork<T, C = Task> = Deferred<Delayed<C>, T>;

/// The kind of deferral that delayed work in context `C` is.
pub struct Delayed<C = Task>(PhantomData<fn(&C)>);

// SAFETY: The C side locks work and its timer in all that is done with them. `disable_delayed_work_sync()`
// stops the timer, takes the work off and waits for the handler, and from then on queueing it does
// nothing.
unsafe impl<C: Context + 'static> deferred::Kind for Delayed<C> {
    type Raw = bindings::delayed_work;
    type Own = Arc<Queue<C>>;
    type Context = C;

    unsafe fn stop<T>(this: &DelayedWork<T, C>) {
        // SAFETY: It is set up, and the caller may sleep by this function's contract.
        unsafe { bindings::disable_delayed_work_sync(this.raw()) };
    }

    fn is_caller<T>(this: &DelayedWork<T, C>) -> bool {
        // SAFETY: It is set up; only the address of the field is taken.
        is_current_work(unsafe { &raw const (*this.raw()).work })
    }
}

// SAFETY: C's function asks for no more, and locks for itself.
unsafe impl<C: Context + 'static> deferred::Cancel for Delayed<C> {
    type Was = bool;
    const CANCEL: unsafe extern "C" fn(*mut Self::Raw) -> bool = bindings::cancel_delayed_work_sync;
}

// SAFETY: C's function asks for no more, and locks for itself.
unsafe impl<C: Context + 'static> deferred::Flush for Delayed<C> {
    type Told = bool;
    const FLUSH: unsafe extern "C" fn(*mut Self::Raw) -> bool = bindings::flush_delayed_work;
}

impl<T: Handler<Delayed<C>>, C: Context + 'static> DelayedWork<T, C> {
    /// An initialiser. Use [`new_delayed_work!`](crate::new_delayed_work).
    pub fn new(
        queue: Arc<Queue<C>>,
        handler: impl PinInit<T, Error>,
        name: &'static CStr,
        work_key: Pin<&'static LockClassKey>,
        timer_key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self, Error> {
        let (name, work_key) = (name.as_char_ptr(), work_key.as_ptr());
        let (timer_fn, timer_key) = (bindings::delayed_work_timer_fn, timer_key.as_ptr());
        let setup = move |raw: *mut bindings::delayed_work| {
            // SAFETY: `with` gives a place that is valid for writes and stays where it is; the name and
            // the keys are static.
            unsafe {
                let (work, timer) = (&raw mut (*raw).work, &raw mut (*raw).timer);
                bindings::init_work_with_key(work, Some(Self::callback), false, name, work_key);
                let flags = bindings::TIMER_IRQSAFE;
                bindings::timer_init_key(timer, Some(timer_fn), flags, name, timer_key);
            }
        };
        // SAFETY: The callback is for this type. Only its own queue takes the work, and runs it in `C`.
        unsafe { Self::with(queue, handler, setup) }
    }

    /// Puts the work on its queue `ticks` ticks from now: never earlier. Returns whether it was idle. May
    /// be called in any context but an NMI, where it is refused.
    #[inline]
    pub fn queue(&self, ticks: Jiffies) -> bool {
        self.queue_raw(bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int, ticks)
    }

    /// As [`Self::queue`], on `cpu`, which has to be online when the time has come.
    ///
    /// ```
    /// # use irqlab::{context::Task, cpu::CpuId, new_delayed_work};
    /// # use irqlab::workqueue::{Delayed, DelayedWork, Handler, Queue};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler<Delayed> for Count {
    /// #     fn run(this: &DelayedWork<Self>, _task: &Task) {
    /// #         this.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// fn here<T: Handler<Delayed>>(work: &DelayedWork<T>) -> bool {
    ///     work.queue_on(CpuId::current(), 10)
    /// }
    ///
    /// # let queue = Arc::new(Queue::per_cpu(c"example")?, GFP_KERNEL)?;
    /// # let work = new_delayed_work!(queue, Ok::<_, Error>(Count(Atomic::new(0))));
    /// # let work = KBox::pin_init(work, GFP_KERNEL)?;
    /// assert!(here(&work));
    /// # eventually!(task, work.0.load(Relaxed) > 0);
    /// // A moment later:
    /// assert_eq!(work.0.load(Relaxed), 1);
    /// ```
    #[inline]
    pub fn queue_on(&self, cpu: CpuId, ticks: Jiffies) -> bool {
        self.queue_raw(cpu.into(), ticks)
    }

    #[inline]
    fn queue_raw(&self, cpu: c_int, ticks: Jiffies) -> bool {
        if nmi::is_refused() {
            return false;
        }
        // SAFETY: The work is set up, and lives until `stop` has taken it off; so does the queue.
        unsafe { bindings::queue_delayed_work_on(cpu, self.own().as_raw(), self.raw(), ticks) }
    }

    /// As [`Self::queue`], but has the work wait for `ticks` ticks from now if it is queued already.
    ///
    /// ```
    /// # use irqlab::{context::Task, new_delayed_work};
    /// # use irqlab::workqueue::{Delayed, DelayedWork, Handler, Queue};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct TimeOut;
    /// # impl Handler<Delayed> for TimeOut {
    /// #     fn run(_this: &DelayedWork<Self>, _task: &Task) {}
    /// # }
    /// /// Has a time-out begin anew.
    /// fn has_answered<T: Handler<Delayed>>(time_out: &DelayedWork<T>) {
    ///     time_out.modify(1_000_000);
    /// }
    ///
    /// # let queue = Arc::new(Queue::unbound(c"example")?, GFP_KERNEL)?;
    /// # let time_out = new_delayed_work!(queue, Ok::<_, Error>(TimeOut));
    /// # let time_out = KBox::pin_init(time_out, GFP_KERNEL)?;
    /// has_answered(&time_out);
    /// has_answered(&time_out);
    /// assert_eq!(time_out.cancel(task), Ok(true));
    /// ```
    #[inline]
    pub fn modify(&self, ticks: Jiffies) -> bool {
        if nmi::is_refused() {
            return false;
        }
        let cpu = bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int;
        // SAFETY: The work is set up, and lives until `stop` has taken it off; so does the queue.
        !unsafe { bindings::mod_delayed_work_on(cpu, self.own().as_raw(), self.raw(), ticks) }
    }

    /// The address of what the kernel calls for all work with this type of handler: the function
    /// in the events of [`tracepoint`](crate::tracepoint).
    ///
    /// ```
    /// # use irqlab::{context::Task, new_delayed_work};
    /// # use irqlab::workqueue::{Delayed, DelayedWork, Handler, Queue};
    /// # use kernel::{prelude::*, sync::Arc};
    /// # struct Quiet;
    /// # impl Handler<Delayed> for Quiet {
    /// #     fn run(_this: &DelayedWork<Self>, _task: &Task) {}
    /// # }
    /// fn is_same<T: Handler<Delayed>>(work: &DelayedWork<T>, seen: usize) -> bool {
    ///     work.function() == seen
    /// }
    ///
    /// # let queue = Arc::new(Queue::unbound(c"example")?, GFP_KERNEL)?;
    /// # let work = || KBox::pin_init(new_delayed_work!(queue.clone(), Ok::<_, Error>(Quiet)), GFP_KERNEL);
    /// assert!(is_same(&*work()?, work()?.function()));
    /// ```
    pub fn function(&self) -> usize {
        // SAFETY: It is set up, and what it calls never changes.
        unsafe { (*self.raw()).work.func }.map_or(0, |callback| callback as usize)
    }

    /// # Safety
    ///
    /// For `init_work_with_key()` with the `raw.work` of such delayed work.
    unsafe extern "C" fn callback(work: *mut bindings::work_struct) {
        // SAFETY: By this function's contract the work lies in a `delayed_work` that is such a `raw`, and
        // only a queue whose workers run in `C` takes it.
        unsafe { Self::run(kernel::container_of!(work, bindings::delayed_work, work)) };
    }
}
