// SPDX-License-Identifier: GPL-2.0

//! The reschedule IPI, which only makes a CPU enter the kernel.
//!
//! On its way out the CPU looks whether it should run another task, which is all that the
//! interrupt is for. Its handler calls nobody.
//!
//! C header: [`include/linux/smp.h`](srctree/include/linux/smp.h)

use crate::{
    bindings,
    cpu::CpuId, //
};
use kernel::{
    error::to_result,
    prelude::*,
    task, //
};

/// Sends a reschedule IPI to `cpu`, which may be the own one. May be called in any context
/// but NMI; waits for nothing.
///
/// Errors: `ENXIO` if the CPU is offline.
///
/// ```
/// # use irqlab::{cpu::CpuId, smp::{self, Counter}};
/// # use kernel::prelude::*;
/// fn nr_kicks(cpu: CpuId) -> Result<u32> {
///     let before = Counter::Reschedule.on(cpu);
///     smp::reschedule(cpu)?;
///     // It may not have arrived yet.
///     Ok(Counter::Reschedule.on(cpu).wrapping_sub(before))
/// }
///
/// pr_info!("{} of them have arrived\n", nr_kicks(CpuId::current())?);
/// ```
pub fn reschedule(cpu: CpuId) -> Result {
    // SAFETY: Can be called in any context; a `CpuId` is a number that a CPU can have.
    to_result(unsafe { bindings::smp_send_reschedule(u32::from(cpu)) })
}

/// Sends a reschedule IPI to the CPU that runs `task`, unless that is the own one. If it
/// runs nowhere, nothing happens.
///
/// ```
/// # use irqlab::smp;
/// # use kernel::task::Task;
/// fn make_it_enter_the_kernel(runner: &Task) {
///     smp::kick(runner);
/// }
///
/// // It is in the kernel.
/// make_it_enter_the_kernel(kernel::current!());
/// ```
pub fn kick(task: &task::Task) {
    // SAFETY: The reference keeps the task; can be called in any context.
    unsafe { bindings::kick_process(task.as_ptr()) };
}
