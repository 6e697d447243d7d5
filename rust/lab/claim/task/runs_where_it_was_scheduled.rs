// SPDX-License-Identifier: GPL-2.0

//! A tasklet runs on the CPU that scheduled it.

use crate::claim::{
    judge,
    prelude::*,
    skip, //
};
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
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "(beyond the text)",
    section: "Tasklets",
    today: "so: each CPU has two lists of tasklets, and one is put on that of the CPU which schedules it; if that CPU goes offline, another takes the list over",
    functions: "__tasklet_schedule_common(), takeover_tasklets()",
    control: "each CPU schedules its neighbour's tasklet",
    next: "echo line=sim0 mechanisms=tasklet cpu=1 > bench; cat deferral/tasklet/context",
}

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

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
