// SPDX-License-Identifier: GPL-2.0

//! TASK-01: a tasklet scheduled many times before it runs, runs once.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::refusal::Answer;
use irqlab::{
    context::{
        BottomHalvesDisabled,
        SoftIrq, //
    },
    tasklet::{
        Handler,
        Tasklet, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

pub(super) const CLAIM: Claim = Claim {
    id: "TASK-01",
    text: "a tasklet scheduled many times before it runs, runs once",
    control: "it may run between one and the next",
    run,
};

const COUNT: u64 = 10;

struct Counter(Atomic<u64>);

impl Handler for Counter {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.add(1, Relaxed);
    }
}

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let counter = Counter(Atomic::new(0));
    let tasklet = KBox::pin_init(Tasklet::new(Ok(counter)), GFP_KERNEL)?;
    if trial.is_control() {
        for _ in 0..COUNT {
            tasklet.schedule();
            trial.settle();
        }
    } else {
        let _guard = BottomHalvesDisabled::new(trial.task);
        for _ in 0..COUNT {
            tasklet.schedule();
        }
    }
    trial.settle();
    let runs = tasklet.0.load(Relaxed);
    judge!(runs == 1, "scheduled {} times, ran {}", COUNT, runs)
}
