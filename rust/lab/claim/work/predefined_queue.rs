// SPDX-License-Identifier: GPL-2.0

//! There is a predefined queue, "events".
//!
//! Today there is one for each behaviour; the one for this CPU is system_percpu_wq. The kernel tells
//! which queue an item came on, and /proc, while it runs, the queue's name behind that of the thread. In
//! the control the queue is one of the lab's own.

use crate::{
    claim::{
        log::{
            self,
            Log,
            What, //
        },
        prelude::*,
        skip, //
    },
    record::SnapshotCell, //
};
use irqlab::{
    context::{
        Kind,
        Snapshot,
        Task, //
    },
    cpu::CpuId,
    new_work, proc,
    workqueue::{
        system_per_cpu,
        Handler,
        Queue,
        Work, //
    },
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "the kernel offers a predefined work queue called events, which can be freely used by every kernel developer.",
    section: "Work Queues",
    today: "so; there is one for each behaviour by now, and that for this CPU is system_percpu_wq since Linux 6.17",
    functions: "schedule_work(), system_percpu_wq, workqueue_init_early()",
    control: "the work is on a queue of the lab's own of the same kind",
    next: "echo WORK-09 > claims; ps | grep kworker/0",
}

/// Where an item ran, and what /proc said meanwhile.
struct Item {
    place: SnapshotCell,
    is_told: Atomic<bool>,
    is_of_events: Atomic<bool>,
}

impl Handler for Item {
    type Context = Task;

    fn run(this: &Work<Self>, task: &Task) {
        this.place.store(&Snapshot::take());
        // As kworker/0:1+events.
        if let Ok(name) = proc::read(c"/proc/self/comm", task) {
            let is_of_events = name.as_str().trim_end().ends_with("+events");
            this.is_told.store(true, Relaxed);
            this.is_of_events.store(is_of_events, Relaxed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let own = Queue::per_cpu(c"irqlab_work_07")?;
    let queue = trial.pick(system_per_cpu(), &own);
    let item = Item {
        place: SnapshotCell::new(),
        is_told: Atomic::new(false),
        is_of_events: Atomic::new(false),
    };
    let work = KBox::pin_init(new_work!(Ok::<_, Error>(item)), GFP_KERNEL)?;
    let log = Log::of([work.function(), 0])?.work()?;
    let cpu = CpuId::current();
    work.queue_on(queue, cpu);
    work.flush(trial.task);
    let Some(place) = work.place.load() else {
        skip!("the work was flushed and has not run");
    };
    let events = log.events()?;
    let on = |queue: &Queue| {
        let queued = log::of(&events, What::Queued, work.id());
        queued.filter(|event| event.queue == queue.id()).count()
    };

    let mut evidence = Evidence::new();
    evidence.check(
        on(system_per_cpu()) == 1,
        fmt!(
            "by the kernel's workqueue_queue_work an item came {} times on system_percpu_wq, {} times on \
             a queue of the lab",
            on(system_per_cpu()),
            on(&own)
        ),
    )?;
    if work.is_told.load(Relaxed) {
        let is_of_events = work.is_of_events.load(Relaxed);
        evidence.check(
            is_of_events,
            fmt!(
                "while it ran /proc/self/comm named {} behind its thread",
                if is_of_events {
                    "events"
                } else {
                    "another queue"
                }
            ),
        )?;
    }
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
