// SPDX-License-Identifier: GPL-2.0

//! WORK-02: create_workqueue() makes one thread for each CPU.
//!
//! Queues share pools of threads since long; one that memory reclaim may wait for
//! has a thread in reserve, whatever the number of CPUs.

use super::{
    found,
    Claim,
    Finding,
    Trial,
    Verdict, //
};
use crate::refusal::Answer;
use irqlab::{
    cpu,
    kthread::{
        Priority,
        Worker, //
    },
    task,
    workqueue::Queue, //
};
use kernel::prelude::*;

pub(super) const CLAIM: Claim = Claim {
    id: "WORK-02",
    text: "create_workqueue() makes one thread for each CPU",
    control: "counts the threads of kthread workers instead",
    run,
};

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

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
