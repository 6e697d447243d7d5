// SPDX-License-Identifier: GPL-2.0

//! Calls to many CPUs.

use crate::bindings;
use kernel::prelude::*;

/// Has each of `cpus` but the own one call `function`, and waits for them.
///
/// # Safety
///
/// In a task, with interrupts on; `function` may be called with `info` on several CPUs at a time.
#[inline]
pub(crate) unsafe fn call_many(
    cpus: *const bindings::cpumask,
    function: bindings::smp_call_func_t,
    info: *mut c_void,
) {
    // The calls are this CPU's, for one sender at a time, who may be preempted only where C sees to that.
    #[cfg(not(kernel_has_task_ipi_mask))]
    // SAFETY: Enabled again below.
    unsafe {
        bindings::preempt_disable()
    };
    // SAFETY: By this function's contract; `cpus` is only read.
    unsafe { bindings::smp_call_function_many(cpus, function, info, true) };
    #[cfg(not(kernel_has_task_ipi_mask))]
    // SAFETY: Disabled above.
    unsafe {
        bindings::preempt_enable()
    };
}
