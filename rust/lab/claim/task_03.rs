// SPDX-License-Identifier: GPL-2.0

//! TASK-03: a tasklet runs on the CPU that scheduled it.

use super::{
    judge,
    skip,
    Claim,
    Finding,
    Trial, //
};
use crate::refusal::Answer;
use irqlab::{
    context::SoftIrq,
    cpu::{
        self,
        CpuId,
        PerCpu, //
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

impl Homing {
    fn has_run(&self) -> bool {
        self.at_home.load(Relaxed) + self.away.load(Relaxed) > 0
    }
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
    if cpu::online().count() < 2 {
        skip!("one CPU");
    }
    let tasklets = PerCpu::of_each(|home| {
        let homing = Homing {
            home,
            at_home: Atomic::new(0),
            away: Atomic::new(0),
        };
        KBox::pin_init(Tasklet::new(Ok::<_, Error>(homing)), GFP_KERNEL)
    })?;
    let is_control = trial.is_control();
    let nr_cpus = cpu::run_on(&trial.lab.workers, cpu::online(), trial.task, |here| {
        let neighbour = || cpu::next_online(here.cpu).unwrap_or(here.cpu);
        let home = if is_control { neighbour() } else { here.cpu };
        let tasklet = tasklets.of(home);
        for _ in 0..10 {
            tasklet.schedule();
            here.task.sleep_ms(1);
        }
    })?;
    let nr_run = || tasklets.iter().filter(|tasklet| tasklet.has_run()).count();
    trial.eventually(2000, || nr_run() == nr_cpus);
    let sum = |count: fn(&Homing) -> &Atomic<u64>| -> u64 {
        tasklets
            .iter()
            .map(|tasklet| count(tasklet).load(Relaxed))
            .sum()
    };
    let (at_home, away) = (sum(|homing| &homing.at_home), sum(|homing| &homing.away));
    judge!(
        nr_run() == nr_cpus && away == 0,
        "{} CPUs, a tasklet each: ran {} times on the CPU that scheduled it, {} elsewhere",
        nr_cpus,
        at_home,
        away
    )
}
