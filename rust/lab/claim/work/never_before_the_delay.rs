// SPDX-License-Identifier: GPL-2.0

//! queue_delayed_work() runs the work after the delay.
//!
//! Never before; how much later is a matter of the tick and of what else runs. In the control the
//! work is flushed.

use crate::claim::{
    log::{
        self,
        Log,
        What, //
    },
    prelude::*, //
};
use irqlab::{
    clock,
    context::Task,
    new_delayed_work,
    workqueue::{
        Delayed,
        DelayedWork,
        Handler,
        Queue, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "queue_delayed_work() for inserting a function that will be executed when after the passed time delay",
    section: "Work Queues",
    today: "so: a timer puts the work on its queue",
    functions: "queue_delayed_work_on(), delayed_work_timer_fn()",
    control: "they are flushed, which does not wait for the delay",
    next: "echo line=sim0 mechanisms=delayed_wq > bench; cat bench",
}

/// The delays, in ticks.
const DELAYS: [usize; 4] = [1, 2, 3, 5];

/// When it ran.
struct Late {
    has_run: Atomic<bool>,
    ticks: Atomic<usize>,
}

impl Handler<Delayed> for Late {
    fn run(this: &DelayedWork<Self>, _task: &Task) {
        this.ticks.store(clock::ticks(), Relaxed);
        this.has_run.store(true, Release);
    }
}

type Boxed = Pin<KBox<DelayedWork<Late>>>;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let queue = Arc::new(Queue::per_cpu(c"irqlab_work_04")?, GFP_KERNEL)?;
    let work = || -> Result<Boxed> {
        let late = Late {
            has_run: Atomic::new(false),
            ticks: Atomic::new(0),
        };
        let late = new_delayed_work!(queue.clone(), Ok::<_, Error>(late));
        KBox::pin_init(late, GFP_KERNEL)
    };
    let works = [work()?, work()?, work()?, work()?];
    let log = Log::of([works[0].function(), 0])?.work()?;
    let mut starts = [0; DELAYS.len()];
    for ((work, delay), start) in works.iter().zip(DELAYS).zip(&mut starts) {
        *start = clock::ticks();
        work.queue(delay);
        if trial.is_control() {
            work.flush(trial.task)?;
        }
    }
    let have_run = || works.iter().all(|work| work.has_run.load(Acquire));
    trial.come("delayed work", have_run)?;

    let events = log.events()?;
    let (mut nr_early, mut nr_queued, mut min_late, mut max_late) = (0, 0, usize::MAX, 0);
    for ((work, delay), start) in works.iter().zip(DELAYS).zip(starts) {
        let queued = log::of(&events, What::Queued, work.id());
        nr_queued += queued.clone().count();
        let mut ticks = queued.map(|event| event.ticks.wrapping_sub(start));
        let is_queued_early = ticks.any(|ticks| ticks < delay);
        let took = work.ticks.load(Relaxed).wrapping_sub(start);
        match took.checked_sub(delay) {
            Some(late) if !is_queued_early => {
                min_late = min_late.min(late);
                max_late = max_late.max(late);
            }
            _ => nr_early += 1,
        }
    }
    evidence.check(
        nr_queued == DELAYS.len(),
        fmt!(
            "delays of {} to {} ticks: the kernel's workqueue_queue_work tells {nr_queued} times that \
             work came on its list",
            DELAYS[0],
            DELAYS[DELAYS.len() - 1]
        ),
    )?;
    evidence.check(
        nr_early == 0,
        fmt!("{nr_early} came there, or ran, before the delay was over"),
    )?;
    if nr_early < DELAYS.len() {
        evidence.note(fmt!("the others ran {min_late} to {max_late} ticks later"))?;
    }
    evidence.holds()
}
