// SPDX-License-Identifier: GPL-2.0

//! WORK-06: queueing a pending item again is refused.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    refusal::Answer,
    runs::Runs, //
};
use irqlab::{
    new_work,
    workqueue::Queue, //
};
use kernel::{
    interrupt::local_interrupt_disable,
    prelude::*, //
};

pub(super) const CLAIM: Claim = Claim {
    id: "WORK-06",
    text: "queueing a pending item again is refused",
    control: "it may run between one and the next",
    run,
};

/// How often it is queued after the first time.
const AGAIN: u64 = 5;

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
