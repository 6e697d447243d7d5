// SPDX-License-Identifier: GPL-2.0

//! WORK-05: flushing waits for what is pending; destroying a queue drains it.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::refusal::Answer;
use irqlab::{
    context::Task,
    new_work,
    workqueue::{
        Handler,
        Queue,
        Work, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

pub(super) const CLAIM: Claim = Claim {
    id: "WORK-05",
    text: "flushing waits for what is pending; destroying a queue drains it",
    control: "does not flush",
    run,
};

const ITEMS: usize = 10;

struct Item(Arc<Atomic<u64>>);

impl Handler for Item {
    type Context = Task;

    fn run(this: &Work<Self>, task: &Task) {
        task.sleep_us(1000, 100);
        this.0.add(1, Relaxed);
    }
}

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let done = Arc::new(Atomic::new(0), GFP_KERNEL)?;
    let mut items = KVec::new();
    for _ in 0..ITEMS {
        let item = new_work!(Ok::<_, Error>(Item(done.clone())));
        items.push(KBox::pin_init(item, GFP_KERNEL)?, GFP_KERNEL)?;
    }
    let queue = Queue::ordered(c"irqlab_work_05")?;
    let queue_all = || items.iter().filter(|item| item.queue(&queue)).count();

    let queued = queue_all();
    if !trial.is_control() {
        queue.flush(trial.task);
    }
    let flushed = done.load(Relaxed);
    queue.flush(trial.task);
    let before = done.load(Relaxed);
    let queued_again = queue_all();
    drop(queue);
    let drained = done.load(Relaxed) - before;
    judge!(
        flushed == queued as u64 && drained == queued_again as u64,
        "queued {}: {} had run after the flush; queued {}: {} had run after the destruction",
        queued,
        flushed,
        queued_again,
        drained
    )
}
