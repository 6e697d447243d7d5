// SPDX-License-Identifier: GPL-2.0

//! SIRQ-07: after a bounded number of rounds in a row, ksoftirqd goes on.
//!
//! The bounds are 10 rounds, 2 ms, and that a task needs the CPU.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    raiser::VECTOR,
    refusal::Answer,
    witness::Witness, //
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        SoftIrq, //
    },
    cpu::{
        self,
        CpuId, //
    },
    softirq::Executor,
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
    id: "SIRQ-07",
    text: "after a bounded number of rounds in a row, ksoftirqd goes on",
    control: "the task raises it anew for each round",
    run,
};

/// How often the tasklet is to run, and the kernel's bound.
const ROUNDS: u64 = 100;
const BOUND: usize = 10;

struct Repeater {
    runs: Atomic<u64>,
    is_repeating: bool,
}

impl Handler for Repeater {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let runs = this.runs.fetch_add(1, Relaxed) + 1;
        if this.is_repeating && runs < ROUNDS {
            this.schedule_hi();
        }
    }
}

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let is_control = trial.is_control();
    let repeater = Repeater {
        runs: Atomic::new(0),
        is_repeating: !is_control,
    };
    let tasklet = KBox::pin_init(Tasklet::new(Ok(repeater)), GFP_KERNEL)?;
    let since_ns = Atomic::new(0);
    let witness = Witness::new()?;
    let cpu = CpuId::current();
    let cpus = core::iter::once(cpu);
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        since_ns.store(clock::now_ns(), Relaxed);
        for _ in 0..if is_control { ROUNDS } else { 1 } {
            // The first round is when the guard goes.
            let _guard = BottomHalvesDisabled::new(here.task);
            tasklet.schedule_hi();
        }
    })?;
    trial.eventually(2000, || tasklet.runs.load(Relaxed) >= ROUNDS);
    let testimony = witness.testimony()?;
    let mut services = testimony.services(cpu, since_ns.load(Relaxed), VECTOR);
    let (mut in_task, mut at_irq_exit, mut in_thread) = (0, 0, 0);
    for (_, executor) in services.clone() {
        match executor {
            Executor::BottomHalfEnable => in_task += 1,
            Executor::IrqExit => at_irq_exit += 1,
            Executor::Ksoftirqd => in_thread += 1,
            _ => (),
        }
    }
    let is_first = services
        .next()
        .is_some_and(|(_, executor)| executor == Executor::BottomHalfEnable);
    judge!(
        is_first && in_task <= BOUND && in_thread > 0 && tasklet.runs.load(Relaxed) == ROUNDS,
        "raised {} times by {}: {} rounds at the end of the section, then {} in ksoftirqd, {} at the \
         exit of an IRQ",
        tasklet.runs.load(Relaxed),
        if is_control { "the task" } else { "itself" },
        in_task,
        in_thread,
        at_irq_exit
    )
}
