// SPDX-License-Identifier: GPL-2.0

//! TASK-03: a tasklet runs on the CPU that scheduled it.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::refusal::Answer;
use irqlab::{
    context::SoftIrq,
    cpu::{
        self,
        CpuId, //
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
    id: "TASK-03",
    text: "a tasklet runs on the CPU that scheduled it",
    control: "each CPU schedules its neighbour's tasklet",
    run,
};

/// Counts how often it ran here and elsewhere.
struct Homing {
    home: CpuId,
    at_home: Atomic<u64>,
    away: Atomic<u64>,
}

impl Handler for Homing {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        if CpuId::current() == this.home {
            this.at_home.add(1, Relaxed);
        } else {
            this.away.add(1, Relaxed);
        }
    }
}

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut tasklets = KVec::new();
    for home in cpu::online() {
        let homing = Homing {
            home,
            at_home: Atomic::new(0),
            away: Atomic::new(0),
        };
        let tasklet = KBox::pin_init(Tasklet::new(Ok(homing)), GFP_KERNEL)?;
        tasklets.push(tasklet, GFP_KERNEL)?;
    }
    let is_control = trial.is_control();
    let nr_cpus = cpu::run_on(&trial.lab.workers, cpu::online(), trial.task, |here| {
        let index = cpu::online().take_while(|cpu| *cpu != here.cpu).count();
        let neighbour = if index + 1 < tasklets.len() {
            index + 1
        } else {
            0
        };
        let tasklet = &tasklets[if is_control { neighbour } else { index }];
        for _ in 0..10 {
            tasklet.schedule();
            here.task.sleep_ms(1);
        }
    })?;
    trial.settle();
    let sum = |count: fn(&Homing) -> &Atomic<u64>| -> u64 {
        tasklets
            .iter()
            .map(|tasklet| count(tasklet).load(Relaxed))
            .sum()
    };
    let (at_home, away) = (sum(|homing| &homing.at_home), sum(|homing| &homing.away));
    let everywhere = tasklets
        .iter()
        .all(|tasklet| tasklet.at_home.load(Relaxed) > 0);
    judge!(
        everywhere && away == 0,
        "{} CPUs, a tasklet each: ran {} times on the CPU that scheduled it, {} elsewhere",
        nr_cpus,
        at_home,
        away
    )
}
