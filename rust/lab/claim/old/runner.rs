// SPDX-License-Identifier: GPL-2.0

//! What can run a body, each in its own way: an old bottom half, a tasklet, a soft IRQ.
//!
//! A body is what a driver has done later. There are two, of the same kind; a runner runs the one
//! that is requested on the CPU where it is, soon.

use crate::{
    claim::prelude::*,
    overlap::{
        Meeting,
        Overlap, //
    },
};
use irqlab::{
    context::SoftIrq,
    cpu::PerCpu,
    new_work,
    old_bh::{
        BottomHalves,
        Slot, //
    },
    tasklet::Tasklet,
    workqueue::{
        Queue,
        Work, //
    },
};
use kernel::sync::Arc;

/// What runs two bodies.
pub(super) trait Runner: Send + Sync {
    /// Has a body, number 0 or 1, run soon, on this CPU if that is up to the caller. Bottom halves
    /// are disabled.
    fn request(&self, body: usize);
}

/// Makes a runner of two bodies that wait for each other, and for themselves, in `meeting`.
pub(super) type New = fn(meeting: &Arc<Overlap>, trial: &Trial<'_>) -> Answer<KBox<dyn Runner>>;

/// Each body is the routine of a slot, in one set.
pub(super) fn old_bh(meeting: &Arc<Overlap>, trial: &Trial<'_>) -> Answer<KBox<dyn Runner>> {
    let set = BottomHalves::new()?;
    let slot = |number| -> Result<Slot> {
        let routine = Arc::new(Meeting(meeting.clone()), GFP_KERNEL)?;
        set.init(number, routine, trial.task)
    };
    Ok(KBox::new([slot(0)?, slot(1)?], GFP_KERNEL)?)
}

impl Runner for [Slot; 2] {
    fn request(&self, body: usize) {
        self[body].mark();
    }
}

type Tasklets = [Pin<KBox<Tasklet<Meeting>>>; 2];

/// Each body is a tasklet.
pub(super) fn tasklet(meeting: &Arc<Overlap>, _trial: &Trial<'_>) -> Answer<KBox<dyn Runner>> {
    let tasklet = || KBox::pin_init(Tasklet::new(Ok(Meeting(meeting.clone()))), GFP_KERNEL);
    let tasklets: Tasklets = [tasklet()?, tasklet()?];
    Ok(KBox::new(tasklets, GFP_KERNEL)?)
}

impl Runner for Tasklets {
    fn request(&self, body: usize) {
        self[body].schedule();
    }
}

/// Each body is work in a soft IRQ, with an item for each CPU. Modules cannot add a soft IRQ, whose
/// function runs on all CPUs that have raised it; this is how the users of one let a body do so.
pub(super) fn softirq(meeting: &Arc<Overlap>, _trial: &Trial<'_>) -> Answer<KBox<dyn Runner>> {
    let work =
        || -> Result<Item> { KBox::pin_init(new_work!(Ok(Meeting(meeting.clone()))), GFP_KERNEL) };
    let work = SoftIrqWork {
        bodies: [PerCpu::new(work)?, PerCpu::new(work)?],
        queue: Queue::bh(c"irqlab_side_by_side")?,
    };
    Ok(KBox::new(work, GFP_KERNEL)?)
}

type Item = Pin<KBox<Work<Meeting>>>;

struct SoftIrqWork {
    // First the work, which may be on the queue.
    bodies: [PerCpu<Item>; 2],
    queue: Queue<SoftIrq>,
}

impl Runner for SoftIrqWork {
    fn request(&self, body: usize) {
        self.bodies[body].local().queue(&self.queue);
    }
}
