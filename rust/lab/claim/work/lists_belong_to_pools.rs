// SPDX-License-Identifier: GPL-2.0

//! A queue has a list of its own, which its worker threads loop over.
//!
//! Today a queue is but a set of rules: its items go on the list of a pool of threads, which queues
//! with the same rules share. Two queues get an item each, on one CPU. In the control both items are
//! on the same queue.

use super::item::Item;
use crate::claim::{
    log::{
        Log,
        What, //
    },
    prelude::*,
    skip,
    together::together, //
};
use irqlab::workqueue::Queue;

claim! {
    quote: "A work queue is defined by the workqueue_struct whose field worklist points to a doubly linked list of pending functions. A worker thread continuously loop inside the function worker_thread()",
    section: "Work Queues",
    today: "since Linux 2.6.36 the list belongs to a pool: two for each CPU, one of them for high priority, and some for unbound queues; a pool's threads do the items of all its queues",
    functions: "__queue_work(), insert_work(), worker_thread(); worklist of struct worker_pool",
    control: "both items are on one queue",
    next: "ps | grep kworker",
}

/// Until one thread has done both items: if it was busy, two threads may have done one each.
const TRIES: u32 = 20;

/// Which queue, which pool, and which thread an item had.
#[derive(Clone, Copy, Default)]
struct Way {
    queue: usize,
    pool: usize,
    pid: i32,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let queues = [
        Queue::per_cpu(c"irqlab_work_09a")?,
        Queue::per_cpu(c"irqlab_work_09b")?,
    ];
    let second = &queues[trial.pick(1, 0)];
    let mut ways = [Way::default(); 2];
    let mut thread = [0; 16];
    let mut tries = 0;
    while tries < TRIES && (tries == 0 || ways[0].pid != ways[1].pid) {
        tries += 1;
        let items = [Item::new()?, Item::new()?];
        let log = Log::of([items[0].function(), 0])?.work()?;
        together(trial, |cpu| {
            items[0].queue_on(&queues[0], cpu);
            items[1].queue_on(second, cpu);
        });
        for item in &items {
            item.flush(trial.task)?;
        }
        for event in &log.events()? {
            let Some(index) = items.iter().position(|item| item.id() == event.id) else {
                continue;
            };
            match event.what {
                What::Queued => (ways[index].queue, ways[index].pool) = (event.queue, event.pool),
                What::Began => ways[index].pid = event.pid,
                _ => (),
            }
        }
        if let Some(place) = items[0].get() {
            thread = place.comm;
        }
    }
    let [one, other] = ways;
    let thread = core::str::from_utf8(&thread).unwrap_or("?");
    let thread = thread.trim_end_matches('\0');

    let nr_queues = 1 + u32::from(one.queue != other.queue);
    evidence.check(
        nr_queues == 2 && one.queue == queues[0].id(),
        fmt!("by the kernel's workqueue_queue_work two items came on {nr_queues} queues"),
    )?;
    let nr_pools = 1 + u32::from(one.pool != other.pool);
    evidence.note(fmt!("whose lists are those of {nr_pools} pools"))?;
    if nr_pools == 2 {
        return evidence.holds();
    }
    if nr_queues == 2 && one.pid != other.pid {
        skip!(
            Missed: "in {tries} tries two threads of the pool did one item each"
        );
    }
    evidence.note(fmt!("one thread did both, {thread}, in {tries} tries"))?;
    evidence.outdated()
}
