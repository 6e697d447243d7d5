// SPDX-License-Identifier: GPL-2.0

//! create_workqueue() makes one thread for each CPU.
//!
//! Queues share pools of threads since long; one that memory reclaim may wait for has a thread in
//! reserve, and those that create_workqueue() makes are of that kind. In the control they are not.

use super::item::Item;
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    cpu,
    task,
    workqueue::Queue, //
};

claim! {
    quote: "The function create_workqueue(“foo”) allows to create a new work queue and also creates n worker threads (where n is the number of CPUs).",
    section: "Work Queues",
    today: "since Linux 2.6.36 all queues share pools of threads; what create_workqueue() makes has one thread in reserve, the rescuer, whatever the number of CPUs",
    functions: "create_workqueue(), alloc_workqueue(), init_rescuer(), create_worker()",
    control: "the queues have no thread in reserve",
    next: "ps | grep kworker/R",
}

const QUEUES: usize = 4;
/// Their name, and what the names of all threads have in them that come with them: the kernel
/// keeps 15 characters, and "kworker/R-" before the name takes ten.
const NAME: &CStr = c"wq_02";

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [first, _] = trial.cpus()?;
    let nr_cpus = cpu::online().count();
    let before = task::nr_kernel_threads(NAME, trial.task);
    let mut queues = KVec::new();
    for _ in 0..QUEUES {
        let queue = if trial.is_control() {
            Queue::per_cpu(NAME)
        } else {
            Queue::legacy(NAME)
        };
        queues.push(queue?, GFP_KERNEL)?;
    }
    let nr_threads = task::nr_kernel_threads(NAME, trial.task).saturating_sub(before);
    let item = Item::new()?;
    item.queue_on(&queues[0], first);
    item.flush(trial.task)?;

    evidence.note(fmt!(
        "{nr_cpus} CPUs; {QUEUES} queues made {}",
        trial.pick("by create_workqueue()", "without a thread in reserve")
    ))?;
    evidence.check(
        nr_threads == QUEUES || nr_threads == QUEUES * nr_cpus,
        fmt!("{nr_threads} threads of their name came with them"),
    )?;
    let Some(place) = item.get() else {
        skip!("the item was flushed and has not run");
    };
    evidence.note(fmt!("an item of one of them ran in {}", place.comm()))?;
    if nr_threads == QUEUES * nr_cpus {
        return evidence.holds();
    }
    evidence.check(
        place.comm().starts_with("kworker/"),
        fmt!("which is of a pool that all queues share, or in reserve"),
    )?;
    evidence.outdated()
}
