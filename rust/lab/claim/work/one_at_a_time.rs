// SPDX-License-Identifier: GPL-2.0

//! A single-threaded (ordered) queue runs one item at a time.

use crate::claim::{
    judge,
    prelude::*,
    skip, //
};
use crate::overlap::Overlap;
use irqlab::{
    context::Task,
    cpu::{
        self,
        PerCpu, //
    },
    new_work,
    workqueue::{
        Handler,
        Queue,
        Work, //
    },
};
use kernel::{
    sync::Arc, //
};

claim! {
    quote: "You can use the function create_singlethread_workqueue() for creating a work queue with only one thread.",
    section: "Work Queues",
    today: "one item at a time and in order still, by whichever thread of a shared pool",
    functions: "create_singlethread_workqueue(), alloc_ordered_workqueue()",
    control: "the queue is unbound, with any number of threads",
    next: "echo line=sim0 mechanisms=ordered_wq,unbound_wq > bench; cat bench",
}

/// Items that each CPU queues.
const ITEMS: usize = 8;

struct Item(Arc<Overlap>);

impl Handler for Item {
    type Context = Task;

    fn run(this: &Work<Self>, task: &Task) {
        // Long enough for others to come in, if they may.
        this.0.during(|| task.sleep_us(500, 100));
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    if cpu::online().count() < 2 {
        skip!("one CPU");
    }
    let queue = if trial.is_control() {
        Queue::unbound(c"irqlab_work_03")
    } else {
        Queue::ordered(c"irqlab_work_03")
    }?;
    let overlap = Overlap::new()?;
    let items = PerCpu::new(|| {
        let mut items = KVec::with_capacity(ITEMS, GFP_KERNEL)?;
        for _ in 0..ITEMS {
            let item = new_work!(Ok::<_, Error>(Item(overlap.clone())));
            items.push(KBox::pin_init(item, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        Ok(items)
    })?;
    let workers = &trial.lab.workers;
    let nr_queueing = cpu::run_on(workers, cpu::online(), trial.task, |here| {
        for item in items.of(here.cpu) {
            item.queue(&queue);
        }
    })?;
    queue.flush(trial.task);
    let asked = (nr_queueing * ITEMS) as u64;
    judge!(
        overlap.runs() == asked && overlap.max() == 1,
        "{} items from {} CPUs: {} ran, at most {} at a time",
        asked,
        nr_queueing,
        overlap.runs(),
        overlap.max()
    )
}
