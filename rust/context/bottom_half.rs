// SPDX-License-Identifier: GPL-2.0

//! A section in which no soft IRQ runs on this CPU.
//!
//! C header: [`include/linux/bottom_half.h`](srctree/include/linux/bottom_half.h)

use super::Task;
use crate::bindings;
use core::marker::PhantomData;

/// Keeps bottom halves from running on the current CPU, and the task on it.
///
/// What is raised meanwhile runs when the guard is dropped. The holder may not
/// sleep, although it has a token that says so: this is the one place where
/// `might_sleep()` knows more than the type.
///
/// ```
/// # use irqlab::{context::{BottomHalvesDisabled, SoftIrq, Task}, tasklet::{self, Tasklet}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// # struct Count(Arc<Atomic<u32>>);
/// # impl tasklet::Handler<tasklet::Kind> for Count {
/// #     fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
/// #         this.0.add(1, Relaxed);
/// #     }
/// # }
/// fn schedule_twice_run_once<T: tasklet::Handler<tasklet::Kind>>(tasklet: &Tasklet<T>, task: &Task) {
///     let _guard = BottomHalvesDisabled::new(task);
///     tasklet.schedule();
///     tasklet.schedule();
/// }
///
/// # let nr_runs = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
/// # let count = Count(nr_runs.clone());
/// let tasklet = KBox::pin_init(Tasklet::new(Ok::<_, Error>(count)), GFP_KERNEL)?;
/// schedule_twice_run_once(&tasklet, task);
/// drop(tasklet);
/// # #[cfg(not(CONFIG_PREEMPT_RT))] // where it only keeps other tasks off
/// assert_eq!(nr_runs.load(Relaxed), 1);
/// ```
///
/// # Invariants
///
/// The current task has called `local_bh_disable()` once for this guard. The
/// borrowed token keeps the guard on the task that made it.
pub struct BottomHalvesDisabled<'a>(PhantomData<&'a Task>);

impl<'a> BottomHalvesDisabled<'a> {
    /// Disables bottom halves on this CPU until the guard is dropped.
    #[inline]
    pub fn new(_task: &'a Task) -> Self {
        // SAFETY: The token proves task context, where this may be called.
        unsafe { bindings::local_bh_disable() };
        // INVARIANT: Just called.
        Self(PhantomData)
    }
}

impl Drop for BottomHalvesDisabled<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant this undoes one `local_bh_disable()`
        // of this task.
        unsafe { bindings::local_bh_enable() };
    }
}
