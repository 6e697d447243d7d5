// SPDX-License-Identifier: GPL-2.0

//! Taking a CPU offline, and bringing it back.
//!
//! C header: [`include/linux/cpu.h`](srctree/include/linux/cpu.h)

use super::is_online;
use crate::{
    bindings,
    context::Task,
    error::EALREADY, //
};
use kernel::{
    cpu::CpuId,
    error::to_result,
    prelude::*, //
};

/// A CPU that this has taken offline. It comes back when this is dropped, if not before.
///
/// Tasks that may only run there are moved to others, and may run on all CPUs from then on: do it
/// where no task of anybody else's is bound to a CPU. Under a
/// [`HotplugExcluded`](super::HotplugExcluded) either way would wait for ever.
///
/// ```no_run
/// # use irqlab::{context::Task, cpu::{self, CpuId, TakenOffline}};
/// # use kernel::prelude::*;
/// /// What runs on that CPU has to go elsewhere.
/// fn restart(cpu: CpuId, task: &Task) -> Result {
///     let taken = TakenOffline::new(cpu, task)?;
///     pr_info!("{} CPUs are left\n", cpu::online().count());
///     taken.bring_back(task)
/// }
/// ```
pub struct TakenOffline {
    cpu: CpuId,
    is_back: bool,
}

impl TakenOffline {
    /// Takes `cpu` offline.
    ///
    /// Errors: `EPERM` if it is one that has to stay, as CPU 0; `ENXIO` if it is offline already;
    /// those of the kernel if it will not: `EBUSY` if it is about to suspend, or one of its tasks
    /// needs the CPU.
    pub fn new(cpu: CpuId, _task: &Task) -> Result<Self> {
        let number = cpu.as_u32();
        if !is_online(cpu) {
            return Err(ENXIO);
        }
        // SAFETY: A `CpuId` is a number that a CPU can have.
        if !unsafe { bindings::cpu_is_hotpluggable(number) } {
            return Err(EPERM);
        }
        // SAFETY: The token proves that this may sleep. The CPU has a device, as it could go
        // offline: that goes away only with the CPU itself, which nobody pulls out of a machine
        // that runs this.
        match unsafe { bindings::remove_cpu(number) } {
            0 => Ok(Self {
                cpu,
                is_back: false,
            }),
            // Somebody else was quicker.
            1 => Err(ENXIO),
            error => Err(Error::from_errno(error)),
        }
    }

    /// Brings it back online. Where that fails, it is tried again as this is dropped.
    ///
    /// Errors: `EALREADY` if somebody else has brought it back; those of the kernel: `EBUSY` if it
    /// is about to suspend, `EIO` if the CPU does not answer.
    pub fn bring_back(mut self, _task: &Task) -> Result {
        match self.add() {
            0 => Ok(()),
            1 => Err(EALREADY),
            error => to_result(error),
        }
    }

    /// Returns 0; 1 if it was online already; or an error.
    fn add(&mut self) -> c_int {
        // SAFETY: Where this lives one may sleep, see `drop`. The CPU has a device, as it had one
        // when it went offline: see there.
        let result = unsafe { bindings::add_cpu(self.cpu.as_u32()) };
        self.is_back = result >= 0;
        result
    }
}

impl Drop for TakenOffline {
    fn drop(&mut self) {
        const TRIES: usize = 100;
        const PAUSE_MS: u32 = 100;

        for _ in 0..TRIES {
            if self.is_back || self.add() >= 0 {
                return;
            }
            // SAFETY: Dropping this is only correct where one may sleep; the C side warns
            // otherwise.
            unsafe { bindings::msleep(PAUSE_MS) };
        }
        pr_err!("CPU {} does not come back online\n", self.cpu.as_u32());
    }
}
