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

/// Queues of each kind: so many that what else comes and goes does not matter.
const QUEUES: usize = 16;
const NOISE: isize = 4;

/// How many kernel threads come with what `make` makes, [`QUEUES`] times.
fn threads<T>(trial: &Trial<'_>, make: impl Fn() -> Result<T>) -> Result<isize> {
    let before = task::nr_kernel_threads(trial.task);
    let mut made = KVec::new();
    for _ in 0..QUEUES {
        made.push(make()?, GFP_KERNEL)?;
    }
    trial.settle();
    Ok(task::nr_kernel_threads(trial.task) as isize - before as isize)
}

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let per_cpu = if trial.is_control() {
        threads(trial, || Worker::new(c"irqlab_work_02", Priority::Normal))
    } else {
        threads(trial, || Queue::per_cpu(c"irqlab_work_02"))
    }?;
    let reserved = threads(trial, || Queue::mem_reclaim(c"irqlab_work_02"))?;
    let expected = QUEUES as isize;
    let verdict = if per_cpu.abs() <= NOISE && (reserved - expected).abs() <= NOISE {
        Verdict::Outdated
    } else {
        Verdict::Fails
    };
    found(
        verdict,
        fmt!(
            "{} CPUs: {} queues came with {} threads; {} more with WQ_MEM_RECLAIM came with {}",
            cpu::online().count(),
            QUEUES,
            per_cpu,
            QUEUES,
            reserved
        ),
    )
}
