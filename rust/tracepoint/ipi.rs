// SPDX-License-Identifier: GPL-2.0

//! What CPUs send each other.

use super::tracepoints;
use crate::{
    bindings,
    cpu::CpuId, //
};
use kernel::prelude::*;

tracepoints! {
    /// This CPU sends another one an interrupt, or IRQ work itself.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, tracepoint::Observer};
    /// # use irqlab::tracepoint::{CsdFunctionEntry, CsdQueueCpu, IpiSendCpu, WakeIdleWithoutIpi};
    /// # use kernel::sync::atomic::{Atomic, Relaxed};
    /// struct Steps {
    ///     queued: Atomic<usize>,
    ///     sent: Atomic<usize>,
    ///     spared: Atomic<usize>,
    ///     called: Atomic<usize>,
    /// }
    ///
    /// impl Observer<CsdQueueCpu> for Steps {
    ///     fn observe(&self, _call: &CsdQueueCpu, _context: &Unsleeping) {
    ///         self.queued.add(1, Relaxed);
    ///     }
    /// }
    ///
    /// impl Observer<IpiSendCpu> for Steps {
    ///     fn observe(&self, _interrupt: &IpiSendCpu, _context: &Unsleeping) {
    ///         self.sent.add(1, Relaxed);
    ///     }
    /// }
    ///
    /// impl Observer<WakeIdleWithoutIpi> for Steps {
    ///     fn observe(&self, _idle: &WakeIdleWithoutIpi, _context: &Unsleeping) {
    ///         self.spared.add(1, Relaxed);
    ///     }
    /// }
    ///
    /// impl Observer<CsdFunctionEntry> for Steps {
    ///     fn observe(&self, _call: &CsdFunctionEntry, _context: &Unsleeping) {
    ///         self.called.add(1, Relaxed);
    ///     }
    /// }
    /// ```
    c"ipi_send_cpu", __traceiter_ipi_send_cpu(
        cpu: c_uint, _caller: c_ulong, _callback: *mut c_void
    ) => IpiSendCpu {
        /// Which one gets it.
        cpu: CpuId = CpuId::from_u32(cpu)?,
    }

    /// This CPU is about to put a call into the queue of another one.
    c"csd_queue_cpu", __traceiter_csd_queue_cpu(
        cpu: c_uint,
        _caller: c_ulong,
        function: bindings::smp_call_func_t,
        csd: *mut bindings::call_single_data_t
    ) => CsdQueueCpu {
        /// Which one is to make it.
        cpu: CpuId = CpuId::from_u32(cpu)?,
        /// The address of what is to be called.
        function: usize = function.map_or(0, |function| function as usize),
        /// Which call it is: see [`Csd::id`](crate::smp::Csd::id).
        csd: usize = csd.addr(),
    }

    /// A function that another CPU, or this one, has had called begins.
    c"csd_function_entry", __traceiter_csd_function_entry(
        function: bindings::smp_call_func_t, csd: *mut bindings::call_single_data_t
    ) => CsdFunctionEntry {
        /// Its address.
        function: usize = function.map_or(0, |function| function as usize),
        /// Which call it is: see [`Csd::id`](crate::smp::Csd::id). 0 for one of this CPU to
        /// itself, which is in no queue.
        csd: usize = csd.addr(),
    }

    /// This CPU has found another one idle and polling: it will look into its queue, and needs
    /// no interrupt.
    c"sched_wake_idle_without_ipi", __traceiter_sched_wake_idle_without_ipi(cpu: c_int) =>
    WakeIdleWithoutIpi {
        /// Which one.
        cpu: CpuId = CpuId::from_i32(cpu)?,
    }
}
