// SPDX-License-Identifier: GPL-2.0

//! Work queues.

use super::tracepoints;
use crate::bindings;
use kernel::prelude::*;

tracepoints! {
    /// A piece of work is put on the list that its queue has it wait in; delayed work only when
    /// its delay is over.
    ///
    /// ```
    /// # use irqlab::{context::{Task, Unsleeping}, tracepoint::{Attached, Observer}, workqueue::Queue};
    /// # use irqlab::tracepoint::{WorkqueueExecuteEnd, WorkqueueExecuteStart, WorkqueueQueueWork};
    /// # use irqlab::{new_work, workqueue::{Handler, Kind, Work}};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Quiet;
    /// # impl Handler<Kind> for Quiet {
    /// #     fn run(_this: &Work<Self>, _task: &Task) {}
    /// # }
    /// /// Follows the work of one queue, by the queue's id.
    /// struct Follow {
    ///     queue: usize,
    ///     work: Atomic<usize>,
    ///     nr_begun: Atomic<usize>,
    ///     nr_done: Atomic<usize>,
    /// }
    ///
    /// impl Observer<WorkqueueQueueWork> for Follow {
    ///     fn observe(&self, event: &WorkqueueQueueWork, _context: &Unsleeping) {
    ///         if event.queue == self.queue {
    ///             self.work.store(event.work, Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// impl Observer<WorkqueueExecuteStart> for Follow {
    ///     fn observe(&self, event: &WorkqueueExecuteStart, _context: &Unsleeping) {
    ///         let is_of_queue = event.work == self.work.load(Relaxed);
    ///         self.nr_begun.add(usize::from(is_of_queue), Relaxed);
    ///     }
    /// }
    ///
    /// impl Observer<WorkqueueExecuteEnd> for Follow {
    ///     fn observe(&self, event: &WorkqueueExecuteEnd, _context: &Unsleeping) {
    ///         let is_of_queue = event.work == self.work.load(Relaxed);
    ///         self.nr_done.add(usize::from(is_of_queue), Relaxed);
    ///     }
    /// }
    ///
    /// let queue = Queue::unbound(c"example")?;
    /// # let (work, nr_begun, nr_done) = (Atomic::new(0), Atomic::new(0), Atomic::new(0));
    /// let follow = Follow { queue: queue.id(), work, nr_begun, nr_done };
    /// let mut attached = Attached::new(Arc::new(follow, GFP_KERNEL)?);
    /// attached.to::<WorkqueueQueueWork>()?;
    /// attached.to::<WorkqueueExecuteStart>()?;
    /// attached.to::<WorkqueueExecuteEnd>()?;
    /// # let work = KBox::pin_init(new_work!(Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
    /// work.queue(&queue);
    /// work.flush(task)?;
    /// assert_eq!(attached.observer().work.load(Relaxed), work.id());
    /// assert_eq!(attached.observer().nr_done.load(Relaxed), 1);
    /// ```
    c"workqueue_queue_work", __traceiter_workqueue_queue_work(
        _cpu: c_int, link: *mut bindings::pool_workqueue, work: *mut bindings::work_struct
    ) => WorkqueueQueueWork {
        /// Which work it is: see [`Work::id`](crate::workqueue::Work::id).
        work: usize = work.addr(),
        /// The address of what it calls, which all work of one type of handler shares.
        function: usize = {
            // SAFETY: The tracepoint's work is valid, and set up.
            unsafe { function_of(work) }
        },
        /// On which queue it is: see [`Queue::id`](crate::workqueue::Queue::id).
        queue: usize = {
            // SAFETY: The tracepoint's link is valid, and begins with what `Link` has.
            unsafe { (*link.cast::<Link>()).queue.addr() }
        },
        /// Which pool of threads is to do it, by the pool's address.
        pool: usize = {
            // SAFETY: As for the queue, the link is valid and begins with what `Link` has.
            unsafe { (*link.cast::<Link>()).pool.addr() }
        },
    }

    /// A thread, or the soft IRQ, begins a piece of work.
    c"workqueue_execute_start", __traceiter_workqueue_execute_start(
        work: *mut bindings::work_struct
    ) => WorkqueueExecuteStart {
        /// Which work it is: see [`Work::id`](crate::workqueue::Work::id).
        work: usize = work.addr(),
        /// The address of what it calls, which all work of one type of handler shares.
        function: usize = {
            // SAFETY: The tracepoint's work is valid, and set up.
            unsafe { function_of(work) }
        },
    }

    /// A piece of work is done. It may be gone already.
    c"workqueue_execute_end", __traceiter_workqueue_execute_end(
        work: *mut bindings::work_struct, function: bindings::work_func_t
    ) => WorkqueueExecuteEnd {
        /// Which work it was: see [`Work::id`](crate::workqueue::Work::id).
        work: usize = work.addr(),
        /// The address of what it called, which all work of one type of handler shares.
        function: usize = function.map_or(0, |function| function as usize),
    }
}

/// How the kernel's `struct pool_workqueue`, which no header has, begins: what links a queue to a
/// pool of threads. See `kernel/workqueue.c`.
#[repr(C)]
struct Link {
    pool: *const c_void,
    queue: *const bindings::workqueue_struct,
}

/// What a piece of work calls.
///
/// # Safety
///
/// `work` is valid, and set up.
unsafe fn function_of(work: *const bindings::work_struct) -> usize {
    // SAFETY: By this function's contract. What it calls is set before it can be queued.
    unsafe { (*work).func }.map_or(0, |function| function as usize)
}
