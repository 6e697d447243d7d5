// SPDX-License-Identifier: GPL-2.0

//! There is a predefined queue, "events".
//!
//! Today it has a name for each behaviour; the one on this CPU is system_percpu_wq.

use crate::claim::{
    judge,
    prelude::*, //
};
use crate::record::SnapshotCell;
use irqlab::{
    context::{
        Kind,
        Snapshot,
        Task, //
    },
    cpu::CpuId,
    new_work,
    workqueue::{
        system_per_cpu,
        Handler,
        Queue,
        Work, //
    },
};

claim! {
    quote: "the kernel offers a predefined work queue called events, which can be freely used by every kernel developer.",
    section: "Work Queues",
    today: "so; there is one for each behaviour by now, and that for this CPU is system_percpu_wq since Linux 6.17",
    functions: "schedule_work(), system_percpu_wq, workqueue_init_early()",
    control: "the work is on an ordered queue of the lab's own",
    next: "ls /sys/devices/virtual/workqueue",
}

struct Where(SnapshotCell);

impl Handler for Where {
    type Context = Task;

    fn run(this: &Work<Self>, _task: &Task) {
        this.0.store(&Snapshot::take());
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let own = Queue::ordered(c"irqlab_work_07")?;
    let queue = if trial.is_control() {
        &own
    } else {
        system_per_cpu()
    };
    let work = new_work!(Ok::<_, Error>(Where(SnapshotCell::new())));
    let work = KBox::pin_init(work, GFP_KERNEL)?;
    let cpu = CpuId::current();
    work.queue_on(queue, cpu);
    work.flush(trial.task);
    let Some(place) = work.0.load() else {
        return judge!(false, "the work did not run");
    };
    // An unbound pool's threads are called kworker/u…
    let is_bound = place.comm().starts_with("kworker/") && !place.comm().starts_with("kworker/u");
    judge!(
        place.kind() == Kind::Task && is_bound && place.cpu == cpu.as_u32(),
        "queued on CPU {}, ran on CPU {} as {}",
        cpu.as_u32(),
        place.cpu,
        place.comm()
    )
}
