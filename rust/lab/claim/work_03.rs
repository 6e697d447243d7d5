// SPDX-License-Identifier: GPL-2.0

//! WORK-03: a single-threaded (ordered) queue runs one item at a time.

use super::{
    judge,
    skip,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    overlap::Overlap,
    refusal::Answer, //
};
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
    prelude::*,
    sync::Arc, //
};

pub(super) const CLAIM: Claim = Claim {
    id: "WORK-03",
    text: "a single-threaded queue runs one item at a time",
    control: "the queue is unbound, with any number of threads",
    run,
};

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

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
