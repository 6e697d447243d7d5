// SPDX-License-Identifier: GPL-2.0

//! What can run a body, each in its own way: an old bottom half, a tasklet, a soft IRQ, a DPC, an
//! interrupt thread.
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
    dpc::{
        Arguments,
        Dpc,
        Importance,
        System, //
    },
    interrupt_thread::{
        Handlers,
        InterruptThreads,
        Level, //
    },
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

type Item = Pin<KBox<Work<Meeting, SoftIrq>>>;

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

type Dpcs = [Pin<KBox<Dpc<Meeting>>>; 2];

/// Each body is a DPC, in queues that nobody else uses.
pub(super) fn dpc(meeting: &Arc<Overlap>, _trial: &Trial<'_>) -> Answer<KBox<dyn Runner>> {
    let system = System::new()?;
    let dpc = || -> Result<_> {
        let dpc = KBox::pin_init(Dpc::new(&system, Ok(Meeting(meeting.clone()))), GFP_KERNEL)?;
        dpc.set_importance(Importance::High);
        Ok(dpc)
    };
    let dpcs: Dpcs = [dpc()?, dpc()?];
    Ok(KBox::new(dpcs, GFP_KERNEL)?)
}

impl Runner for Dpcs {
    fn request(&self, body: usize) {
        self[body].insert(Arguments(0, 0));
    }
}

/// Each body is the handler of a level.
pub(super) fn interrupt_thread(
    meeting: &Arc<Overlap>,
    trial: &Trial<'_>,
) -> Answer<KBox<dyn Runner>> {
    let levels = [Level::new(4).ok_or(EINVAL)?, Level::new(5).ok_or(EINVAL)?];
    let mut handlers = Handlers::new();
    for level in levels {
        handlers = handlers.thread(level, Arc::new(Meeting(meeting.clone()), GFP_KERNEL)?)?;
    }
    let threads = InterruptThreads::new(handlers, trial.task)?;
    Ok(KBox::new(ByLevel { threads, levels }, GFP_KERNEL)?)
}

struct ByLevel {
    threads: InterruptThreads,
    levels: [Level; 2],
}

impl Runner for ByLevel {
    fn request(&self, body: usize) {
        // What is refused is requested again.
        let _ = self.threads.raise(self.levels[body]);
    }
}
