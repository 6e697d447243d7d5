// SPDX-License-Identifier: GPL-2.0

//! Work runs in process context, may block, and has no user address space of its own.
//!
//! In the control it is on a BH work queue, where there is nothing to sleep with.

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
    record::SnapshotCell,
};
use irqlab::{
    clock,
    context::{
        Context,
        Kind,
        Snapshot,
        SoftIrq,
        Task, //
    },
    new_work, task,
    workqueue::{
        self,
        Handler,
        Queue,
        Work, //
    },
};
use kernel::{
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    time::msecs_to_jiffies, //
};

claim! {
    quote: "Worker Queues always run in process context and they can perform blocking operations but this does not mean that they can access user address space",
    section: "Work Queues",
    today: "so, but not always: work of a BH work queue, which came with Linux 6.9, runs in a soft IRQ, as the control shows",
    functions: "worker_thread(), process_one_work()",
    control: "the work is on a BH work queue",
    next: "cat deferral/percpu_wq/context deferral/bh_wq/context",
}

const SLEEP_MS: u32 = 1;

/// What the work saw. `slept_ticks` stays 0 where it could not sleep.
struct Seen<C> {
    place: SnapshotCell,
    slept_ticks: Atomic<usize>,
    has_user_memory: Atomic<bool>,
    _context: core::marker::PhantomData<fn(&C)>,
}

impl<C> Seen<C> {
    fn new() -> Self {
        Self {
            place: SnapshotCell::new(),
            slept_ticks: Atomic::new(0),
            has_user_memory: Atomic::new(false),
            _context: core::marker::PhantomData,
        }
    }
}

impl Handler<workqueue::Kind> for Seen<Task> {
    fn run(this: &Work<Self>, task: &Task) {
        // In ticks, the kernel's measure of sleep: an emulated CPU may be given several at a time.
        let start = clock::ticks();
        task.sleep_ms(SLEEP_MS);
        let slept = clock::ticks().wrapping_sub(start);
        this.slept_ticks.store(slept, Relaxed);
        let has_user_memory = task::has_user_memory(task);
        this.has_user_memory.store(has_user_memory, Relaxed);
        this.place.store(&Snapshot::take());
    }
}

impl Handler<workqueue::Kind<SoftIrq>> for Seen<SoftIrq> {
    fn run(this: &Work<Self, SoftIrq>, _softirq: &SoftIrq) {
        // There is no `Task` here to sleep with.
        this.place.store(&Snapshot::take());
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if trial.is_control() {
        try_queue::<SoftIrq>(trial, evidence, &Queue::bh(c"irqlab_work_01")?)
    } else {
        try_queue::<Task>(trial, evidence, &Queue::per_cpu(c"irqlab_work_01")?)
    }
}

fn try_queue<C: Context + 'static>(
    trial: &Trial<'_>,
    evidence: &mut Evidence,
    queue: &Queue<C>,
) -> Answer<Verdict>
where
    Seen<C>: Handler<workqueue::Kind<C>>,
{
    let work = KBox::pin_init(new_work!(Ok::<_, Error>(Seen::<C>::new())), GFP_KERNEL)?;
    let log = Log::of([work.function(), 0])?.work()?;
    work.queue(queue);
    work.flush(trial.task)?;
    let Some(place) = work.place.load() else {
        skip!("the work was flushed and has not run: its queue was not the only one to run it");
    };
    let slept_ticks = work.slept_ticks.load(Relaxed);
    let has_user_memory = work.has_user_memory.load(Relaxed);
    // The thread has to be the same before and after the sleep.
    let events = log.events()?;
    let is_there = |what| log::of(&events, what, work.id()).any(|event| event.pid == place.pid);
    let is_kept = is_there(What::Began) && is_there(What::Ended);

    evidence.check(
        place.kind() == Kind::Task && !place.irqs_disabled,
        fmt!(
            "ran in {} context, IF = {}",
            place.kind(),
            u8::from(!place.irqs_disabled)
        ),
    )?;
    evidence.check(
        slept_ticks >= msecs_to_jiffies(SLEEP_MS),
        fmt!("slept {slept_ticks} ticks"),
    )?;
    evidence.check(
        is_kept,
        fmt!(
            "by the kernel's events it began and ended in {}",
            place.comm()
        ),
    )?;
    evidence.check(
        !has_user_memory,
        fmt!(
            "that has {} user address space",
            if has_user_memory { "a" } else { "no" }
        ),
    )?;
    evidence.holds()
}
