// SPDX-License-Identifier: GPL-2.0

//! What CPUs send each other.

use super::tracepoints;
use crate::{
    bindings,
    cpu::CpuId, //
};
use kernel::{
    cpu::nr_cpu_ids,
    cpumask::Cpumask,
    prelude::*, //
};

tracepoints! {
    /// This CPU sends another one an interrupt, or IRQ work itself.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, tracepoint::Observer};
    /// # use irqlab::tracepoint::{CsdFunctionEntry, CsdQueueCpu, IpiSendCpu, IpiSendCpumask};
    /// # use irqlab::tracepoint::{Targets, WakeIdleWithoutIpi};
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
    /// impl Observer<IpiSendCpumask> for Steps {
    ///     fn observe(&self, interrupt: &IpiSendCpumask, _context: &Unsleeping) {
    ///         let targets: &Targets = &interrupt.cpus;
    ///         self.sent.add(targets.iter().count(), Relaxed);
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
    ///
    /// # use irqlab::{cpu::{self, CpuId}, smp, tracepoint::Attached};
    /// # use kernel::{prelude::*, sync::Arc};
    /// # let steps = || Atomic::new(0usize);
    /// # let steps = Steps { queued: steps(), sent: steps(), spared: steps(), called: steps() };
    /// let mut attached = Attached::new(Arc::new(steps, GFP_KERNEL)?);
    /// attached.to::<CsdQueueCpu>()?;
    /// attached.to::<IpiSendCpu>()?;
    /// attached.to::<IpiSendCpumask>()?;
    /// attached.to::<WakeIdleWithoutIpi>()?;
    /// attached.to::<CsdFunctionEntry>()?;
    /// smp::call_others(task, |_off| ());
    /// # let Some(_) = cpu::online().nth(1) else { skip!("one CPU") };
    /// assert!(attached.observer().called.load(Relaxed) >= 1);
    /// ```
    c"ipi_send_cpu", __traceiter_ipi_send_cpu(
        cpu: c_uint, caller: c_ulong, callback: *mut c_void
    ) => IpiSendCpu {
        /// Which one gets it.
        cpu: CpuId = CpuId::from_u32(cpu)?,
        /// The address of the code that sends it.
        caller: usize = caller,
        /// The address of what the interrupt is to call; 0 for nothing, as it only has the other CPU schedule.
        callback: usize = callback.addr(),
    }

    /// This CPU sends several others an interrupt.
    c"ipi_send_cpumask", __traceiter_ipi_send_cpumask(
        mask: *const bindings::cpumask, caller: c_ulong, callback: *mut c_void
    ) => IpiSendCpumask {
        /// Which ones get it.
        cpus: Targets = {
            // INVARIANT: The tracepoint's mask is the sender's, until this returns.
            Targets { mask }
        },
        /// The address of the code that sends it.
        caller: usize = caller,
        /// The address of what the interrupt is to call.
        callback: usize = callback.addr(),
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

/// The CPUs that an interrupt is sent to. Part of an event, and there as long as that is.
///
/// # Invariants
///
/// `mask` is a mask that nobody frees or writes while this exists.
pub struct Targets {
    mask: *const bindings::cpumask,
}

impl Targets {
    /// The CPUs, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = CpuId> + '_ {
        // SAFETY: By the type invariant the mask is valid for reads as long as `self`. Whoever sends the
        // interrupt has made it for that, and goes on when the observers have returned.
        let mask = unsafe { Cpumask::from_raw(self.mask) };
        (0..nr_cpu_ids())
            .filter_map(CpuId::from_u32)
            .filter(move |cpu| mask.test(*cpu))
    }
}
