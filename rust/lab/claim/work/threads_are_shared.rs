// SPDX-License-Identifier: GPL-2.0

//! Create_workqueue() makes one thread for each CPU.
//!
//! Queues share pools of threads since long; one that memory reclaim may wait for
//! has a thread in reserve, whatever the number of CPUs.

use crate::claim::{
    evidence::{found, Verdict},
    prelude::*, //
};
use irqlab::{
    cpu,
    kthread::{
        Priority,
        Worker, //
    },
    task,
    workqueue::Queue, //
};

claim! {
    quote: "The function create_workqueue(“foo”) allows to create a new work queue and also creates n worker threads (where n is the number of CPUs).",
    section: "Work Queues",
    today: "since Linux 2.6.36 all queues share pools of threads; with WQ_MEM_RECLAIM a queue has one thread in reserve",
    functions: "alloc_workqueue(), init_rescuer(), create_worker()",
    control: "counts the threads of kthread workers instead",
    next: "ps | grep kworker/R",
}

/// Queues of each kind.
const QUEUES: usize = 16;
/// Their name, and what the names of all threads have in them that come with them: the kernel
/// keeps 15 characters, and "kworker/R-" before the name takes ten.
const NAME: &CStr = c"wq_02";

/// How many kernel threads come with what `make` makes, [`QUEUES`] times.
fn threads<T>(trial: &Trial<'_>, make: impl Fn() -> Result<T>) -> Result<usize> {
    let before = task::nr_kernel_threads(NAME, trial.task);
    let mut made = KVec::new();
    for _ in 0..QUEUES {
        made.push(make()?, GFP_KERNEL)?;
    }
    Ok(task::nr_kernel_threads(NAME, trial.task).saturating_sub(before))
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let per_cpu = if trial.is_control() {
        threads(trial, || Worker::new(NAME, Priority::Normal))
    } else {
        threads(trial, || Queue::per_cpu(NAME))
    }?;
    let reserved = threads(trial, || Queue::mem_reclaim(NAME))?;
    let verdict = if per_cpu == 0 && reserved == QUEUES {
        Verdict::Outdated
    } else {
        Verdict::Fails
    };
    found(
        verdict,
        fmt!(
            "{} CPUs: {} queues came with {} threads of their name; {} more with WQ_MEM_RECLAIM came \
             with {}",
            cpu::online().count(),
            QUEUES,
            per_cpu,
            QUEUES,
            reserved
        ),
    )
}
