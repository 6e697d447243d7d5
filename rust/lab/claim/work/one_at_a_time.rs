// SPDX-License-Identifier: GPL-2.0

//! A single-threaded (ordered) queue runs one item at a time.
//!
//! All CPUs put items on it, which sleep, so that others could come in. In the control the queue is
//! unbound, with any number of threads.

use crate::{
    claim::{
        log::{
            max_at_a_time,
            max_pending,
            Log, //
        },
        prelude::*,
        skip, //
    },
    overlap::Overlap, //
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
        Kind,
        Queue,
        Work, //
    },
};
use kernel::sync::Arc;

claim! {
    quote: "You can use the function create_singlethread_workqueue() for creating a work queue with only one thread.",
    section: "Work Queues",
    today: "one item at a time and in order still, by whichever thread of a shared pool; the queue has only a rescuer of its own",
    functions: "create_singlethread_workqueue(), alloc_ordered_workqueue()",
    control: "the queue is unbound, with any number of threads",
    next: "echo line=sim0 mechanisms=ordered_wq,unbound_wq > bench; cat bench",
}

/// Items that each CPU queues.
const ITEMS: usize = 4;

struct Item(Arc<Overlap>);

impl Handler<Kind> for Item {
    fn run(this: &Work<Self>, task: &Task) {
        this.0.during(|| task.sleep_us(500, 100));
    }
}

type Items = KVec<Pin<KBox<Work<Item>>>>;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let name = c"irqlab_work_03";
    let queue = trial.pick(Queue::ordered(name)?, Queue::unbound(name)?);
    let overlap = Overlap::new()?;
    let mut function = 0;
    let mut ids = KVec::new();
    let items: PerCpu<Items> = PerCpu::new(|| {
        let mut items = KVec::with_capacity(ITEMS, GFP_KERNEL)?;
        for _ in 0..ITEMS {
            let item = new_work!(Ok::<_, Error>(Item(overlap.clone())));
            let item = KBox::pin_init(item, GFP_KERNEL)?;
            function = item.function();
            ids.push(item.id(), GFP_KERNEL)?;
            items.push(item, GFP_KERNEL)?;
        }
        Ok(items)
    })?;
    let log = Log::of([function, 0])?.work()?;
    let workers = &trial.lab.workers;
    let nr_cpus = cpu::run_on(workers, cpu::online(), trial.task, |here| {
        for item in items.of(here.cpu) {
            item.queue(&queue);
        }
    })?;
    queue.flush(trial.task);
    let asked = (nr_cpus * ITEMS) as u64;
    let events = log.events()?;
    if max_pending(&events, &ids) < 2 {
        skip!(Missed: "no item was queued before the one before it had ended");
    }
    let seen = max_at_a_time(&events, &ids);

    evidence.check(
        overlap.runs() == asked,
        fmt!(
            "{nr_cpus} CPUs put {asked} items on {} queue, {} ran",
            trial.pick("an ordered", "an unbound"),
            overlap.runs()
        ),
    )?;
    evidence.check(
        overlap.max() == 1,
        fmt!("at most {} at a time", overlap.max()),
    )?;
    evidence.check(
        seen as u64 == overlap.max(),
        fmt!("by the kernel's workqueue_execute_start and _end at most {seen}"),
    )?;
    evidence.holds()
}
