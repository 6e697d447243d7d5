// SPDX-License-Identifier: GPL-2.0

//! A call on another CPU in process context, which may sleep.
//!
//! C header: [`include/linux/smp.h`](srctree/include/linux/smp.h)

use crate::{
    bindings,
    context::{
        Context,
        Task, //
    },
    cpu::{
        CpuId,
        HotplugExcluded, //
    },
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Calls `f` in a kernel thread on `cpu`, waits for it, and returns what it returned. No
/// interrupt need be involved: it is a work item of the system's queue.
///
/// No CPU goes offline meanwhile; `f` must not wait for one to do so.
///
/// Errors: `ENXIO` if the CPU is offline; then `f` was not called.
///
/// ```
/// # use irqlab::{context::Task, cpu::CpuId, smp};
/// # use kernel::prelude::*;
/// fn sleep_there(cpu: CpuId, task: &Task) -> Result<CpuId> {
///     smp::call_in_task(cpu, task, |task: &Task| {
///         task.sleep_ms(1);
///         CpuId::current()
///     })
/// }
///
/// # let _guard = irqlab::cpu::HotplugExcluded::new(task);
/// # let cpu = irqlab::cpu::online().last().ok_or(ENXIO)?;
/// # drop(_guard);
/// assert_eq!(sleep_there(cpu, task)?, cpu);
/// ```
pub fn call_in_task<F, R>(cpu: CpuId, task: &Task, f: F) -> Result<R>
where
    F: FnOnce(&Task) -> R + Send,
    R: Send,
{
    call_in_task_while(&HotplugExcluded::new(task), cpu, task, f)
}

/// As [`call_in_task`], where CPUs stay as they are already.
pub fn call_in_task_while<F, R>(
    _guard: &HotplugExcluded,
    cpu: CpuId,
    _task: &Task,
    f: F,
) -> Result<R>
where
    F: FnOnce(&Task) -> R + Send,
    R: Send,
{
    let mut once = Once {
        f: Some(f),
        result: None,
    };
    // SAFETY: The token proves that this may sleep. `run` is for `once`, and this returns
    // after it.
    to_result(unsafe {
        bindings::smp_call_on_cpu(
            u32::from(cpu),
            Some(Once::<F, R>::run),
            (&raw mut once).cast(),
            false,
        )
    })?;
    // `run` has put it there.
    once.result.ok_or(ENXIO)
}

struct Once<F, R> {
    f: Option<F>,
    result: Option<R>,
}

impl<F: FnOnce(&Task) -> R + Send, R: Send> Once<F, R> {
    /// # Safety
    ///
    /// For `smp_call_on_cpu()`, with a pointer to a `Self` that nobody else uses meanwhile.
    unsafe extern "C" fn run(once: *mut c_void) -> c_int {
        // SAFETY: By this function's contract.
        let once = unsafe { &mut *once.cast::<Self>() };
        // SAFETY: A work item of that queue may sleep.
        let task = unsafe { Task::assume() };
        once.result = once.f.take().map(|f| f(task));
        0
    }
}
