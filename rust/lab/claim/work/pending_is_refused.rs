// SPDX-License-Identifier: GPL-2.0

//! Queueing a pending item again is refused.
//!
//! Its queue runs it in the soft IRQ, which cannot come before the item was queued the last time. In
//! the control it may run between one and the next.

use crate::{
    claim::{
        log::{
            Log,
            What, //
        },
        prelude::*,
        together::together, //
    },
    runs::Runs, //
};
use irqlab::{
    new_work,
    workqueue::Queue, //
};

claim! {
    quote: "queue_work() for inserting a function (packaged in a work_struct) to the queue",
    section: "Work Queues",
    today: "a work_struct has room for one place in one list: while it is pending queue_work() changes nothing and returns false",
    functions: "queue_work_on(), clear_pending_if_disabled(), process_one_work()",
    control: "it may run between one and the next",
    next: "echo 5 > deferral/percpu_wq/schedule; cat deferral/percpu_wq/context",
}

/// How often it is queued.
const TIMES: u64 = 6;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let queue = Queue::bh(c"irqlab_work_06")?;
    let work = KBox::pin_init(new_work!(Ok::<_, Error>(Runs::new())), GFP_KERNEL)?;
    let log = Log::of([work.function(), 0])?.work()?;
    let (turns, times) = trial.pick((1, TIMES), (TIMES, 1));
    let mut taken = 0;
    for _ in 0..turns {
        taken += together(trial, |_| {
            (0..times).filter(|_| work.queue(&queue)).count() as u64
        });
        work.flush(trial.task)?;
    }
    let runs = work.count();
    let (queued, began) = (
        log.count(What::Queued, work.id())?,
        log.count(What::Began, work.id())?,
    );
    evidence.check(
        taken == 1,
        fmt!(
            "queued {TIMES} times, {}: taken {taken} times, refused {}",
            trial.pick("before it could run", "and run after each time"),
            TIMES - taken
        ),
    )?;
    evidence.check(runs == 1, fmt!("ran {runs} times"))?;
    evidence.check(
        queued == taken && began == runs,
        fmt!("the kernel's tracepoints tell of {queued} times on the list and {began} runs"),
    )?;
    evidence.holds()
}
