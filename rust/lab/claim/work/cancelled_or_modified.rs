// SPDX-License-Identifier: GPL-2.0

//! A delayed item can be cancelled, and given another delay, before it runs.
//!
//! One has a delay that it never sees the end of, as it is cancelled; another one's is made short. In
//! the control that one is queued again instead, which changes nothing.

use crate::claim::{
    log::{
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
use kernel::{
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Arc, //
    },
    time::msecs_to_jiffies, //
};

claim! {
    quote: "(beyond the text)",
    section: "Work Queues",
    today: "so: the timer of delayed work, and its place on a list, can be taken back; cancel_delayed_work_sync() waits for it as well if it runs",
    functions: "cancel_delayed_work_sync(), mod_delayed_work_on(), work_grab_pending()",
    control: "the second is queued again instead of modified",
    next: "echo WORK-04 > claims; grep ^WORK-04 claims",
}

/// A delay that nobody waits for.
const LONG_MS: u32 = 60_000;

struct Late(Atomic<u64>);

impl Handler<Delayed> for Late {
    fn run(this: &DelayedWork<Self>, _task: &Task) {
        this.0.fetch_add(1, Release);
    }
}

type Boxed = Pin<KBox<DelayedWork<Late>>>;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let queue = Arc::new(Queue::per_cpu(c"irqlab_work_10")?, GFP_KERNEL)?;
    let work = || -> Result<Boxed> {
        let late = new_delayed_work!(queue.clone(), Ok::<_, Error>(Late(Atomic::new(0))));
        KBox::pin_init(late, GFP_KERNEL)
    };
    let (cancelled, modified) = (work()?, work()?);
    let log = Log::of([cancelled.function(), 0])?.work()?;
    let long = msecs_to_jiffies(LONG_MS);
    let runs = |work: &Boxed| work.0.load(Acquire);

    cancelled.queue(long);
    let was_pending = cancelled.cancel(trial.task)?;
    let is_pending = cancelled.cancel(trial.task)?;
    evidence.check(
        was_pending && !is_pending && runs(&cancelled) == 0,
        fmt!(
            "cancelled before {LONG_MS} ms were over: it was {}pending before, {}pending after, and ran {} \
             times",
            if was_pending { "" } else { "not " },
            if is_pending { "" } else { "not " },
            runs(&cancelled)
        ),
    )?;

    modified.queue(long);
    let start = clock::ticks();
    let (what, is_done) = if trial.is_control() {
        ("queued again", !modified.queue(1))
    } else {
        ("moved", !modified.modify(1))
    };
    let has_run = || runs(&modified) > 0;
    if trial.is_control() {
        trial.eventually(trial.patience_ms(), has_run);
    } else if is_done {
        trial.come("delayed work", has_run)?;
    }
    let ticks = clock::ticks().wrapping_sub(start);
    // What is not pending now cannot run again.
    let is_pending = modified.cancel(trial.task)?;
    evidence.check(
        is_done && runs(&modified) == 1 && !is_pending,
        fmt!(
            "{what} from {LONG_MS} ms to 1 tick: it ran {} times within {ticks} ticks, and was {}pending \
             then",
            runs(&modified),
            if is_pending { "" } else { "not " }
        ),
    )?;
    let seen = (
        log.count(What::Began, cancelled.id())?,
        log.count(What::Began, modified.id())?,
    );
    evidence.check(
        seen == (runs(&cancelled), runs(&modified)),
        fmt!(
            "the kernel's tracepoints tell of {} and {} runs",
            seen.0,
            seen.1
        ),
    )?;
    evidence.holds()
}
