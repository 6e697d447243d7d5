// SPDX-License-Identifier: GPL-2.0

//! Queue_delayed_work() runs the work after the delay.
//!
//! Never before; how much later is a matter of the tick and of what else runs.

use crate::claim::{
    judge,
    prelude::*, //
};
use irqlab::{
    clock,
    context::Task,
    new_delayed_work,
    workqueue::{
        DelayedHandler,
        DelayedWork,
        Queue, //
    },
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "queue_delayed_work() for inserting a function that will be executed when after the passed time delay",
    section: "Work Queues",
    today: "so: a timer puts the work on its queue",
    functions: "queue_delayed_work_on(), delayed_work_timer_fn()",
    control: "it is flushed, which does not wait for the delay",
    next: "echo line=sim0 mechanisms=delayed_wq > bench; cat bench",
}

/// The delays, in ticks.
const DELAYS: [usize; 4] = [1, 2, 3, 5];

struct Late {
    runs: Atomic<u64>,
    ticks: Atomic<usize>,
    stamp_ns: Atomic<u64>,
}

impl DelayedHandler for Late {
    fn run(this: &DelayedWork<Self>, _task: &Task) {
        this.ticks.store(clock::ticks(), Relaxed);
        this.stamp_ns.store(clock::now_ns(), Relaxed);
        this.runs.add(1, Relaxed);
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let queue = Queue::per_cpu(c"irqlab_work_04")?;
    let late = Late {
        runs: Atomic::new(0),
        ticks: Atomic::new(0),
        stamp_ns: Atomic::new(0),
    };
    let work = KBox::pin_init(new_delayed_work!(Ok::<_, Error>(late)), GFP_KERNEL)?;
    let (mut nr_early, mut min_late, mut max_late) = (0, usize::MAX, 0);
    for (done, delay) in DELAYS.into_iter().enumerate() {
        let start = clock::ticks();
        work.queue(&queue, delay);
        if trial.is_control() {
            work.flush(trial.task);
        }
        if !trial.eventually(2000, || work.runs.load(Relaxed) > done as u64) {
            return judge!(false, "work with a delay of {} ticks did not run", delay);
        }
        let took = work.ticks.load(Relaxed).wrapping_sub(start);
        match took.checked_sub(delay) {
            None => nr_early += 1,
            Some(late) => {
                min_late = min_late.min(late);
                max_late = max_late.max(late);
            }
        }
    }
    judge!(
        nr_early == 0,
        "{} delays of {} to {} ticks: {} ran early, the others {} to {} ticks late",
        DELAYS.len(),
        DELAYS[0],
        DELAYS[DELAYS.len() - 1],
        nr_early,
        min_late.min(max_late),
        max_late
    )
}
