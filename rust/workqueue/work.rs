// SPDX-License-Identifier: GPL-2.0

//! Work: a function, its data, and the memory that the queue needs to hold it.

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
    sync::LockClassKey, //
};

/// Makes an initialiser for [`Work`], with lock classes of its own: one for work
/// in a task and one for work in a soft IRQ, which generic code makes by the same
/// line, and which hold different locks.
///
/// ```
/// # use irqlab::{context::Task, new_work, workqueue::{Handler, Kind, Queue, Work}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// struct Sum(Atomic<u32>);
///
/// impl Handler<Kind> for Sum {
///     fn run(this: &Work<Self>, task: &Task) {
///         task.sleep_ms(1);
///         this.0.add(17, Relaxed);
///     }
/// }
///
/// let queue = Queue::unbound(c"example")?;
/// let work = KBox::pin_init(new_work!(Ok::<_, Error>(Sum(Atomic::new(0)))), GFP_KERNEL)?;
/// work.queue(&queue);
/// work.flush(task)?;
/// assert_eq!(work.0.load(Relaxed), 17);
/// ```
#[macro_export]
macro_rules! new_work {
    ($handler:expr) => {
        $crate::workqueue::Work::new(
            $handler,
            ::kernel::c_str!(::core::concat!(::core::file!(), ":", ::core::line!())),
            [
                ::kernel::static_lock_class!(),
                ::kernel::static_lock_class!(),
            ],
        )
    };
}

/// A piece of work around its handler, which runs in `C`: [`Task`], or [`SoftIrq`] for BH work queues.
/// Made by [`new_work!`](crate::new_work).
///
/// [`SoftIrq`]: crate::context::SoftIrq
pub type Work<T, C = Task> = Deferred<Kind<C>, T>;

/// Keeps work disabled: it is refused, not kept.
///
/// ```
/// # use irqlab::{context::Task, new_work, workqueue::{Disabled, Handler, Kind, Queue, Work}};
/// # use kernel::{prelude::*, sync::Arc};
/// # struct Quiet;
/// # impl Handler<Kind> for Quiet {
/// #     fn run(_this: &Work<Self>, _task: &Task) {}
/// # }
/// fn refuse<T>(work: &Arc<Work<T>>, task: &Task) -> Disabled<T> {
///     work.disable(task)
/// }
///
/// # let queue = Queue::unbound(c"example")?;
/// # let work = Arc::pin_init(new_work!(Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
/// let disabled = refuse(&work, task);
/// assert!(!work.queue(&queue));
/// drop(disabled);
/// assert!(work.queue(&queue));
/// # work.flush(task)?;
/// ```
pub type Disabled<T, C = Task> = deferred::Disabled<Kind<C>, T>;

/// The kind of deferral that work in context `C` is.
pub struct Kind<C = Task>(PhantomData<fn(&C)>);

// SAFETY: The C side locks work in all that is done with it. `disable_work_sync()` takes it off and
// waits for the handler, and from then on queueing it does nothing.
unsafe impl<C: Context + 'static> deferred::Kind for Kind<C> {
    type Raw = bindings::work_struct;
    type Own = ();
    type Context = C;

    unsafe fn stop<T>(this: &Work<T, C>) {
        // SAFETY: It is set up, and the caller may sleep by this function's contract.
        unsafe { bindings::disable_work_sync(this.raw()) };
    }

    fn is_caller<T>(this: &Work<T, C>) -> bool {
        is_current_work(this.raw())
    }
}

// SAFETY: C's function asks for no more, and locks for itself.
unsafe impl<C: Context + 'static> deferred::Cancel for Kind<C> {
    type Was = bool;
    const CANCEL: unsafe extern "C" fn(*mut Self::Raw) -> bool = bindings::cancel_work_sync;
}

// SAFETY: C's function asks for no more, and locks for itself.
unsafe impl<C: Context + 'static> deferred::Flush for Kind<C> {
    type Told = bool;
    const FLUSH: unsafe extern "C" fn(*mut Self::Raw) -> bool = bindings::flush_work;
}

// SAFETY: C's functions ask for no more, lock for themselves, and count how often work was disabled.
unsafe impl<C: Context + 'static> deferred::Disable for Kind<C> {
    type Told = bool;
    const DISABLE: unsafe extern "C" fn(*mut Self::Raw) -> bool = bindings::disable_work;
    const DISABLE_SYNC: unsafe extern "C" fn(*mut Self::Raw) -> bool = bindings::disable_work_sync;
    const ENABLE: unsafe extern "C" fn(*mut Self::Raw) -> bool = bindings::enable_work;
}

impl<T: Handler<Kind<C>>, C: Context + 'static> Work<T, C> {
    /// An initialiser for work that runs `handler`. Use [`new_work!`](crate::new_work).
    pub fn new(
        handler: impl PinInit<T, Error>,
        name: &'static CStr,
        keys: [Pin<&'static LockClassKey>; 2],
    ) -> impl PinInit<Self, Error> {
        let key = keys[usize::from(C::MAY_SLEEP)].as_ptr();
        // SAFETY: The callback is for this type; the place is as `init_work_with_key()` wants it, the
        // name and the key are static. Only a queue whose workers run in `C` takes the work.
        unsafe {
            Self::with((), handler, move |raw| {
                bindings::init_work_with_key(raw, Some(Self::run), false, name.as_char_ptr(), key)
            })
        }
    }

    /// Queues the work, on this CPU if the queue is per CPU. Returns whether it was idle; if it is
    /// disabled, false. May be called in any context but an NMI, where it is
    /// refused.
    #[inline]
    pub fn queue(&self, queue: &Queue<C>) -> bool {
        self.queue_raw(queue, bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int)
    }

    /// As [`Self::queue`], on `cpu`. While `cpu` is offline, anywhere.
    ///
    /// ```
    /// # use irqlab::{context::Task, cpu::{self, CpuId}, new_work};
    /// # use irqlab::workqueue::{Handler, Kind, Queue, Work};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler<Kind> for Count {
    /// #     fn run(this: &Work<Self>, _task: &Task) {
    /// #         this.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// fn beside_us<T: Handler<Kind>>(work: &Work<T>, queue: &Queue) -> bool {
    ///     let next = cpu::next_online(CpuId::current());
    ///     next.is_some_and(|next| work.queue_on(queue, next))
    /// }
    ///
    /// # let queue = Queue::per_cpu(c"example")?;
    /// # let work = KBox::pin_init(new_work!(Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
    /// assert!(beside_us(&work, &queue));
    /// work.flush(task)?;
    /// assert_eq!(work.0.load(Relaxed), 1);
    /// ```
    #[inline]
    pub fn queue_on(&self, queue: &Queue<C>, cpu: CpuId) -> bool {
        self.queue_raw(queue, cpu.into())
    }

    #[inline]
    fn queue_raw(&self, queue: &Queue<C>, cpu: c_int) -> bool {
        if nmi::is_refused() {
            return false;
        }
        // SAFETY: The work is set up, and lives until `stop` has taken it off; the queue runs it in the
        // context that its handler is for, and has run all its work before it goes.
        unsafe { bindings::queue_work_on(cpu, queue.as_raw(), self.raw()) }
    }

    /// The address of what the kernel calls for all work with this type of handler: the function
    /// in the events of [`tracepoint`](crate::tracepoint).
    ///
    /// ```
    /// # use irqlab::{context::Task, new_work, workqueue::{Handler, Kind, Work}};
    /// # use kernel::prelude::*;
    /// # struct Quiet;
    /// # impl Handler<Kind> for Quiet {
    /// #     fn run(_this: &Work<Self>, _task: &Task) {}
    /// # }
    /// fn is_same<T: Handler<Kind>>(work: &Work<T>, seen: usize) -> bool {
    ///     work.function() == seen
    /// }
    ///
    /// # let work = || KBox::pin_init(new_work!(Ok::<_, Error>(Quiet)), GFP_KERNEL);
    /// assert!(is_same(&*work()?, work()?.function()));
    /// ```
    pub fn function(&self) -> usize {
        // SAFETY: It is set up, and what it calls never changes.
        unsafe { (*self.raw()).func }.map_or(0, |callback| callback as usize)
    }
}
