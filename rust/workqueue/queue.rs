// SPDX-License-Identifier: GPL-2.0

//! Queues: where work waits, and the rules by which workers take it.

use crate::{
    bindings,
    context::{
        Context,
        SoftIrq,
        Task, //
    },
    deferred::warn_unless_may_wait,
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    str::CStr, //
};

/// A work queue whose work runs in context `C`. Dropping it waits for its work.
///
/// ```
/// # use irqlab::{context::Task, workqueue::Queue};
/// # use kernel::prelude::*;
/// fn make(task: &Task) -> Result<Queue<Task>> {
///     let queue = Queue::ordered(c"one-at-a-time")?;
///     queue.flush(task);
///     Ok(queue)
/// }
///
/// make(task)?;
/// ```
///
/// # Invariants
///
/// Points to a work queue that is ours to destroy.
#[repr(transparent)]
pub struct Queue<C: Context = Task> {
    raw: NonNull<bindings::workqueue_struct>,
    _context: PhantomData<fn(&C)>,
}

// SAFETY: The C side locks for itself.
unsafe impl<C: Context> Send for Queue<C> {}
// SAFETY: The C side locks the work queue in all that is done through a shared reference.
unsafe impl<C: Context> Sync for Queue<C> {}

impl Queue<Task> {
    /// Work runs on the CPU that queued it, in a shared pool of threads.
    ///
    /// ```
    /// # use irqlab::{context::Task, new_work, workqueue::{Handler, Kind, Queue, Work}};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler<Kind> for Count {
    /// #     fn run(this: &Work<Self>, _task: &Task) {
    /// #         this.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// /// The same work, on a queue of each sort.
    /// fn in_threads() -> Result<[Queue; 5]> {
    ///     Ok([
    ///         Queue::per_cpu(c"here")?,
    ///         Queue::per_cpu_highpri(c"here-first")?,
    ///         Queue::unbound(c"anywhere")?,
    ///         Queue::mem_reclaim(c"frees-memory")?,
    ///         Queue::legacy(c"as-ever")?,
    ///     ])
    /// }
    ///
    /// # let work = KBox::pin_init(new_work!(Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
    /// for queue in in_threads()? {
    ///     work.queue(&queue);
    ///     work.flush(task)?;
    /// }
    /// assert_eq!(work.0.load(Relaxed), 5);
    /// ```
    pub fn per_cpu(name: &'static CStr) -> Result<Self> {
        Self::alloc(name, bindings::wq_flags_WQ_PERCPU, 0)
    }

    /// As [`Self::per_cpu`], by threads of the highest nice level.
    pub fn per_cpu_highpri(name: &'static CStr) -> Result<Self> {
        let flags = bindings::wq_flags_WQ_PERCPU | bindings::wq_flags_WQ_HIGHPRI;
        Self::alloc(name, flags, 0)
    }

    /// Work runs wherever the scheduler finds best.
    pub fn unbound(name: &'static CStr) -> Result<Self> {
        Self::alloc(name, bindings::wq_flags_WQ_UNBOUND, 0)
    }

    /// As [`Self::unbound`], with a thread in reserve (the rescuer) that takes
    /// over when memory is too short to start others. For work that frees memory.
    pub fn mem_reclaim(name: &'static CStr) -> Result<Self> {
        let flags = bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags_WQ_MEM_RECLAIM;
        Self::alloc(name, flags, 0)
    }

    /// What `create_workqueue()`, a macro, makes: [`Self::per_cpu`] with a thread in reserve, and one
    /// item at a time on each CPU.
    pub fn legacy(name: &'static CStr) -> Result<Self> {
        let flags = bindings::wq_flags___WQ_LEGACY
            | bindings::wq_flags_WQ_MEM_RECLAIM
            | bindings::wq_flags_WQ_PERCPU;
        Self::alloc(name, flags, 1)
    }

    /// Work runs one at a time, in the order in which it was queued.
    pub fn ordered(name: &'static CStr) -> Result<Self> {
        let flags = bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags___WQ_ORDERED;
        Self::alloc(name, flags, 1)
    }
}

impl Queue<SoftIrq> {
    /// Work runs in the soft IRQ of the CPU that queued it: the successor of
    /// the tasklet.
    ///
    /// ```
    /// # use irqlab::{context::SoftIrq, new_work, workqueue::{Handler, Kind, Queue, Work}};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler<Kind<SoftIrq>> for Count {
    /// #     fn run(this: &Work<Self, SoftIrq>, _softirq: &SoftIrq) {
    /// #         this.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// fn in_soft_irqs() -> Result<[Queue<SoftIrq>; 2]> {
    ///     Ok([Queue::bh(c"example-bh")?, Queue::bh_highpri(c"example-bh-hi")?])
    /// }
    ///
    /// # let work = KBox::pin_init(new_work!(Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
    /// for queue in in_soft_irqs()? {
    ///     work.queue(&queue);
    ///     work.flush(task)?;
    /// }
    /// assert_eq!(work.0.load(Relaxed), 2);
    /// ```
    pub fn bh(name: &'static CStr) -> Result<Self> {
        let flags = bindings::wq_flags_WQ_BH | bindings::wq_flags_WQ_PERCPU;
        Self::alloc(name, flags, 0)
    }

    /// As [`Self::bh`], in the soft IRQ that runs before all others.
    pub fn bh_highpri(name: &'static CStr) -> Result<Self> {
        let flags =
            bindings::wq_flags_WQ_BH | bindings::wq_flags_WQ_PERCPU | bindings::wq_flags_WQ_HIGHPRI;
        Self::alloc(name, flags, 0)
    }
}

impl<C: Context> Queue<C> {
    /// Errors: `ENOMEM`. `max_active` 0 is the kernel's default.
    fn alloc(name: &'static CStr, flags: bindings::wq_flags, max_active: c_int) -> Result<Self> {
        // SAFETY: The format takes one string, and one is given.
        let raw = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                flags,
                max_active,
                name.as_char_ptr(),
            )
        };
        // INVARIANT: Just allocated, with flags that make its work run in `C`.
        Ok(Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            _context: PhantomData,
        })
    }

    pub(super) fn as_raw(&self) -> *mut bindings::workqueue_struct {
        self.raw.as_ptr()
    }

    /// Which queue this is, in the events of [`tracepoint`](crate::tracepoint).
    pub fn id(&self) -> usize {
        self.raw.as_ptr().addr()
    }

    /// Waits until everything queued before has run.
    pub fn flush(&self, _task: &Task) {
        // SAFETY: Valid by the type invariant; the token proves that this may sleep.
        unsafe { bindings::__flush_workqueue(self.raw.as_ptr()) };
    }
}

/// The kernel's own queue for short work on this CPU, which every module may use.
///
/// ```
/// # use irqlab::{context::Task, new_work, workqueue::{system_per_cpu, Handler, Kind, Work}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// # struct Count(Atomic<u32>);
/// # impl Handler<Kind> for Count {
/// #     fn run(this: &Work<Self>, _task: &Task) {
/// #         this.0.add(1, Relaxed);
/// #     }
/// # }
/// fn soon<T: Handler<Kind>>(work: &Work<T>) -> bool {
///     work.queue(system_per_cpu())
/// }
///
/// # let work = KBox::pin_init(new_work!(Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
/// assert!(soon(&work));
/// work.flush(task)?;
/// assert_eq!(work.0.load(Relaxed), 1);
/// ```
pub fn system_per_cpu() -> &'static Queue<Task> {
    /// A queue that is not ours to destroy.
    #[repr(transparent)]
    struct System(core::mem::ManuallyDrop<Queue<Task>>);

    // SAFETY: Set before the first module is loaded, and never changed.
    let raw = unsafe { &*(&raw const bindings::system_percpu_wq).cast::<System>() };
    &raw.0
}

impl<C: Context> Drop for Queue<C> {
    fn drop(&mut self) {
        warn_unless_may_wait(false);
        // SAFETY: Ours by the type invariant. Dropping a queue is only correct
        // where one may sleep; who does it elsewhere was warned.
        unsafe { bindings::destroy_workqueue(self.raw.as_ptr()) };
    }
}
