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
    /// # use irqlab::tracepoint::{Observer, SoftirqExit, TaskletEntry, TaskletExit};
    /// # use kernel::prelude::*;
    /// struct Tasklets;
    ///
    /// impl Observer<TaskletEntry> for Tasklets {
    ///     fn observe(&self, event: &TaskletEntry, _context: &Unsleeping) {
    ///         pr_info!("{:#x} calls {:#x}\n", event.tasklet, event.function);
    ///     }
    /// }
    ///
    /// impl Observer<TaskletExit> for Tasklets {
    ///     fn observe(&self, event: &TaskletExit, _context: &Unsleeping) {
    ///         pr_info!("{:#x} has run\n", event.tasklet);
    ///     }
    /// }
    ///
    /// impl Observer<SoftirqExit> for Tasklets {
    ///     fn observe(&self, event: &SoftirqExit, _context: &Unsleeping) {
    ///         if event.vector == Vector::Tasklet {
    ///             pr_info!("all have run\n");
    ///         }
    ///     }
    /// }
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
    /// ```
    pub fn executor(&self) -> Executor {
        // The event exists nowhere but in its probe.
        Executor::current()
    }
}
