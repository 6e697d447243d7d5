// SPDX-License-Identifier: GPL-2.0

//! There is a predefined queue, "events".
//!
//! Today there is one for each behaviour; the one for this CPU is system_percpu_wq, and its name is
//! "events" still. The kernel tells which queue the work was on. In the control that is one of the
//! lab's own.

use super::item::Item;
use crate::claim::{
    log::{
        self,
        Log,
        What, //
    },
    prelude::*,
    skip, //
};
use irqlab::{
    context::Kind,
    cpu::CpuId,
    workqueue::{
        system_per_cpu,
        Queue, //
    },
};

claim! {
    quote: "the kernel offers a predefined work queue called events, which can be freely used by every kernel developer.",
    section: "Work Queues",
    today: "so; there is one for each behaviour by now, and that for this CPU is system_percpu_wq since Linux 6.17",
    functions: "schedule_work(), system_percpu_wq, workqueue_init_early()",
    control: "the work is on a queue of the lab's own of the same kind",
    next: "echo WORK-09 > claims; grep ^WORK-09 claims; ps | grep kworker/0",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let own = Queue::per_cpu(c"irqlab_work_07")?;
    let queue = trial.pick(system_per_cpu(), &own);
    let work = Item::new()?;
    let log = Log::of([work.function(), 0])?.work()?;
    let cpu = CpuId::current();
    work.queue_on(queue, cpu);
    work.flush(trial.task)?;
    let Some(place) = work.get() else {
        skip!("the work was flushed and has not run");
    };
    let events = log.events()?;
    let on = |queue: &Queue| {
        let queued = log::of(&events, What::Queued, work.id());
        queued.filter(|event| event.queue == queue.id()).count()
    };

    evidence.check(
        on(system_per_cpu()) == 1,
        fmt!(
            "by the kernel's workqueue_queue_work an item came {} times on system_percpu_wq, {} times on \
             a queue of the lab",
            on(system_per_cpu()),
            on(&own)
        ),
    )?;
    // An unbound pool's threads are called kworker/u…
    let is_bound = place.comm().starts_with("kworker/") && !place.comm().starts_with("kworker/u");
    evidence.check(
        place.kind() == Kind::Task && is_bound && place.cpu == cpu.as_u32(),
        fmt!(
            "queued on CPU {}, it ran on CPU {} in {}",
            cpu.as_u32(),
            place.cpu,
            place.comm()
        ),
    )?;
    evidence.holds()
}
