// SPDX-License-Identifier: GPL-2.0

//! Flushing waits for what is pending; destroying a queue drains it.

use crate::claim::{
    judge,
    prelude::*, //
};
use irqlab::{
    context::Task,
    new_work,
    workqueue::{
        Handler,
        Queue,
        Work, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "Sometimes it may be necessary to wait until all pending functions are executed, in that case, the function flush_workqueue() can be used.",
    section: "Work Queues",
    today: "so; destroy_workqueue() flushes until nothing is left",
    functions: "__flush_workqueue(), drain_workqueue(), destroy_workqueue()",
    control: "does not flush",
    next: "echo WORK-10 > claims; grep WORK-10 claims",
}

const ITEMS: usize = 10;

struct Item(Arc<Atomic<u64>>);

impl Handler for Item {
    type Context = Task;

    fn run(this: &Work<Self>, task: &Task) {
        task.sleep_us(1000, 100);
        this.0.add(1, Relaxed);
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
