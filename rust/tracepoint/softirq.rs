// SPDX-License-Identifier: GPL-2.0

//! Soft IRQs, and the tasklets in them.

use super::tracepoints;
use crate::{
    bindings,
    softirq::{
        self,
        Executor, //
    },
};
use kernel::prelude::*;

tracepoints! {
    /// A soft IRQ becomes pending on this CPU. Interrupts are off.
    c"softirq_raise", __traceiter_softirq_raise(number: c_uint) => SoftirqRaise {
        /// Which one.
        vector: softirq::Vector = softirq::Vector::from_raw(number)?,
    }

    /// A soft IRQ's action begins.
    c"softirq_entry", __traceiter_softirq_entry(number: c_uint) => SoftirqEntry {
        /// Which one.
        vector: softirq::Vector = softirq::Vector::from_raw(number)?,
    }

    /// A soft IRQ's action has ended.
    c"softirq_exit", __traceiter_softirq_exit(number: c_uint) => SoftirqExit {
        /// Which one.
        vector: softirq::Vector = softirq::Vector::from_raw(number)?,
    }

    /// A tasklet begins to run.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, softirq::Vector};
    /// # use irqlab::tracepoint::{Attached, Observer, SoftirqExit, TaskletEntry, TaskletExit};
    /// # use irqlab::{context::SoftIrq, tasklet::{self, Tasklet}};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Quiet;
    /// # impl tasklet::Handler<tasklet::Kind> for Quiet {
    /// #     fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {}
    /// # }
    /// /// Follows one tasklet.
    /// struct Follow {
    ///     tasklet: usize,
    ///     function: Atomic<usize>,
    ///     nr_runs: Atomic<usize>,
    ///     nr_rounds: Atomic<usize>,
    /// }
    ///
    /// impl Observer<TaskletEntry> for Follow {
    ///     fn observe(&self, event: &TaskletEntry, _context: &Unsleeping) {
    ///         if event.tasklet == self.tasklet {
    ///             self.function.store(event.function, Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// impl Observer<TaskletExit> for Follow {
    ///     fn observe(&self, event: &TaskletExit, _context: &Unsleeping) {
    ///         self.nr_runs.add(usize::from(event.tasklet == self.tasklet), Relaxed);
    ///     }
    /// }
    ///
    /// impl Observer<SoftirqExit> for Follow {
    ///     fn observe(&self, event: &SoftirqExit, _context: &Unsleeping) {
    ///         // All that were scheduled have run.
    ///         self.nr_rounds.add(usize::from(event.vector == Vector::Tasklet), Relaxed);
    ///     }
    /// }
    ///
    /// # let tasklet = KBox::pin_init(Tasklet::new(Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
    /// # let (function, nr_runs, nr_rounds) = (Atomic::new(0), Atomic::new(0), Atomic::new(0));
    /// # let follow = Follow { tasklet: tasklet.id(), function, nr_runs, nr_rounds };
    /// let mut attached = Attached::new(Arc::new(follow, GFP_KERNEL)?);
    /// attached.to::<TaskletEntry>()?;
    /// attached.to::<TaskletExit>()?;
    /// attached.to::<SoftirqExit>()?;
    /// tasklet.schedule();
    /// # eventually!(task, attached.observer().nr_runs.load(Relaxed) > 0);
    /// // A moment later:
    /// assert_eq!(attached.observer().nr_runs.load(Relaxed), 1);
    /// assert_eq!(attached.observer().function.load(Relaxed), tasklet.function());
    /// ```
    c"tasklet_entry",
    __traceiter_tasklet_entry(tasklet: *mut bindings::tasklet_struct, function: *mut c_void) =>
    TaskletEntry {
        /// Which one it is: see [`Tasklet::id`](crate::tasklet::Tasklet::id).
        tasklet: usize = tasklet.addr(),
        /// The address of what it calls, which all tasklets of one type of handler share.
        function: usize = function.addr(),
    }

    /// A tasklet has run.
    c"tasklet_exit",
    __traceiter_tasklet_exit(tasklet: *mut bindings::tasklet_struct, function: *mut c_void) =>
    TaskletExit {
        /// Which one it is: see [`Tasklet::id`](crate::tasklet::Tasklet::id).
        tasklet: usize = tasklet.addr(),
        /// The address of what it calls, which all tasklets of one type of handler share.
        function: usize = function.addr(),
    }
}

impl SoftirqEntry {
    /// Who serves it. Costs a step of the stack unwinder.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, softirq::Executor, tracepoint::{Observer, SoftirqEntry}};
    /// # use kernel::sync::atomic::{Atomic, Relaxed};
    /// struct Overload(Atomic<u64>);
    ///
    /// impl Observer<SoftirqEntry> for Overload {
    ///     fn observe(&self, event: &SoftirqEntry, _context: &Unsleeping) {
    ///         if event.executor() == Executor::Ksoftirqd {
    ///             self.0.add(1, Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// # use irqlab::tracepoint::Attached;
    /// # use kernel::{prelude::*, sync::Arc};
    /// let mut attached = Attached::new(Arc::new(Overload(Atomic::new(0)), GFP_KERNEL)?);
    /// attached.to::<SoftirqEntry>()?;
    /// # task.sleep_ms(1);
    /// ```
    pub fn executor(&self) -> Executor {
        // The event exists nowhere but in its probe.
        Executor::current()
    }
}
