// SPDX-License-Identifier: GPL-2.0

//! Queueing a pending item again is refused.

use crate::claim::{
    judge,
    prelude::*, //
};
use crate::{
    runs::Runs, //
};
use irqlab::{
    new_work,
    workqueue::Queue, //
};
use kernel::interrupt::local_interrupt_disable;

claim! {
    quote: "queue_work() for inserting a function (packaged in a work_struct) to the queue",
    section: "Work Queues",
    today: "a work_struct has room for one place in one list: while it is pending queue_work() changes nothing and returns false",
    functions: "queue_work_on(), clear_pending_if_disabled(), process_one_work()",
    control: "it may run between one and the next",
    next: "cd deferral/percpu_wq; echo 5 > schedule; cat context",
}

/// How often it is queued after the first time.
const AGAIN: u64 = 5;

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    // With interrupts off nothing on this CPU can run the work meanwhile.
    let queue = Queue::bh(c"irqlab_work_06")?;
    let work = KBox::pin_init(new_work!(Ok::<_, Error>(Runs::new())), GFP_KERNEL)?;
    let mut refused = 0;
    let first;
    {
        let guard = local_interrupt_disable();
        first = work.queue(&queue);
        if trial.is_control() {
            drop(guard);
            for run in 0..AGAIN {
                trial.eventually(2000, || work.count() > run);
                refused += u64::from(!work.queue(&queue));
            }
        } else {
            for _ in 0..AGAIN {
                refused += u64::from(!work.queue(&queue));
            }
        }
    }
    work.flush(trial.task);
    let runs = work.count();
    judge!(
        first && refused == AGAIN && runs == 1,
        "queued: {}; again {} times while pending: {} refused; ran {}",
        if first { "accepted" } else { "refused" },
        AGAIN,
        refused,
        runs
    )
}
