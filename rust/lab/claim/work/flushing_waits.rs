// SPDX-License-Identifier: GPL-2.0

//! Flushing waits for what is pending; destroying a queue drains it.
//!
//! The items sleep, so that they are pending for a while. In the control the queue is not flushed.

use crate::claim::{
    log::{
        Log,
        What, //
    },
    prelude::*,
    skip, //
};
use irqlab::{
    context::Task,
    new_work,
    workqueue::{
        Handler,
        Kind,
        Queue,
        Work, //
    },
};

claim! {
    quote: "Sometimes it may be necessary to wait until all pending functions are executed, in that case, the function flush_workqueue() can be used.",
    section: "Work Queues",
    today: "so; destroy_workqueue() flushes until nothing is left",
    functions: "__flush_workqueue(), drain_workqueue(), destroy_workqueue()",
    control: "the queue is not flushed",
    next: "echo WORK-10 > claims; grep ^WORK-10 claims",
}

const ITEMS: usize = 4;

struct Sleeps;

impl Handler<Kind> for Sleeps {
    fn run(_this: &Work<Self>, task: &Task) {
        task.sleep_us(1000, 100);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let mut items = KVec::new();
    for _ in 0..ITEMS {
        let item = new_work!(Ok::<_, Error>(Sleeps));
        items.push(KBox::pin_init(item, GFP_KERNEL)?, GFP_KERNEL)?;
    }
    let log = Log::of([items[0].function(), 0])?.work()?;
    let queue = Queue::ordered(c"irqlab_work_05")?;
    // A loop, as objtool complains of how long the name is of what the iterator would be made of.
    let queue_all = || {
        let mut nr_queued = 0;
        for item in &items {
            nr_queued += usize::from(item.queue(&queue));
        }
        nr_queued
    };
    let ended = || -> Answer<usize> {
        let events = log.events()?;
        Ok(events
            .iter()
            .filter(|event| event.what == What::Ended)
            .count())
    };

    let queued = queue_all();
    let early = ended()?;
    if early == queued {
        skip!(
            Missed: "{queued} items had ended before the queue was to be flushed"
        );
    }
    if !trial.is_control() {
        queue.flush(trial.task);
    }
    let flushed = ended()?;
    evidence.check(
        flushed == queued,
        fmt!(
            "queued {queued} items{}: by the kernel's workqueue_execute_end {flushed} had ended",
            trial.pick(" and flushed the queue", "")
        ),
    )?;
    queue.flush(trial.task);
    let before = ended()?;
    let queued = queue_all();
    if ended()? - before == queued {
        skip!(Missed: "{queued} items had ended before the queue was destroyed");
    }
    drop(queue);
    let drained = ended()? - before;
    evidence.check(
        drained == queued,
        fmt!("queued {queued} and destroyed the queue: {drained} had ended"),
    )?;
    evidence.holds()
}
