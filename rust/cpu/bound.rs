// SPDX-License-Identifier: GPL-2.0

//! A function that runs bound to a CPU, for as long as it likes.
//!
//! Unlike [`run_on`](super::run_on) it keeps nobody from taking the CPU offline, and so
//! none of those wait who want the same lock: whoever loads a module, switches
//! tracepoints, binds a device. It has to look whether it is still where it was.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use super::{
    run::{
        run_jobs,
        Here, //
    },
    CpuId, //
};
use crate::{
    context::Task,
    workqueue::Queue, //
};
use kernel::prelude::*;

/// What the function bound to a CPU is told.
pub struct Bound<'a>(&'a Here<'a>);

impl<'a> Bound<'a> {
    /// That it may sleep.
    pub fn task(&self) -> &'a Task {
        self.0.task
    }

    /// Whether the caller was interrupted by a signal, so that this should end.
    pub fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }

    /// Whether the CPU has gone offline, so that this goes on elsewhere. It may have come
    /// back before anybody asks: then this runs there again.
    pub fn has_left(&self) -> bool {
        CpuId::current() != self.0.cpu
    }
}

/// Runs `f` in a kernel thread on `cpu`, and returns when it has finished. `queue` must be
/// per CPU. A signal for the caller does not end the wait: it is for `f` to see
/// [`Bound::is_stopped`] and end early, and [`Bound::has_left`] likewise.
///
/// Errors: `ENXIO` if the CPU is offline, `ENOMEM`; then `f` was not called.
///
/// ```
/// # use irqlab::{context::Task, cpu::{self, run_bound, CpuId}, workqueue::Queue};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// /// Wakes up there ten times, unless it is no use any more.
/// fn visit(queue: &Queue<Task>, cpu: CpuId, task: &Task) -> Result<u32> {
///     let nr_visits = Atomic::new(0u32);
///     run_bound(queue, cpu, task, |bound| {
///         while nr_visits.load(Relaxed) < 10 && !bound.is_stopped() && !bound.has_left() {
///             bound.task().sleep_ms(1);
///             nr_visits.add(1, Relaxed);
///         }
///     })?;
///     Ok(nr_visits.load(Relaxed))
/// }
///
/// let queue = Queue::per_cpu(c"example")?;
/// # let _guard = cpu::HotplugExcluded::new(task);
/// # let cpu = cpu::online().next().ok_or(ENXIO)?;
/// assert_eq!(visit(&queue, cpu, task)?, 10);
/// ```
pub fn run_bound<F: Fn(&Bound<'_>) + Sync>(
    queue: &Queue<Task>,
    cpu: CpuId,
    task: &Task,
    f: F,
) -> Result {
    match run_jobs(queue, core::iter::once(cpu), task, |here| f(&Bound(here)))? {
        0 => Err(ENXIO),
        _ => Ok(()),
    }
}
