// SPDX-License-Identifier: GPL-2.0

//! After a bounded number of rounds in a row, ksoftirqd goes on.
//!
//! The bounds are 10 rounds, 2 ms, and that a task needs the CPU.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    hold::attempt,
    raiser::VECTOR,
    refusal::Answer,
    witness::Witness, //
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        Snapshot,
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

claim! {
    quote: "in order to avoid that __do_softirq() never regain control to user processes it only executes a fixed number of iterations, the remaining softirqs will be handled by ksoftirqd daemon.",
    section: "Execution - do_softirq()",
    today: "10 rounds at most; since 3.9 (2013) less if 2 ms have passed, or a task needs the CPU",
    functions: "handle_softirqs(): MAX_SOFTIRQ_RESTART, MAX_SOFTIRQ_TIME; wakeup_softirqd()",
    control: "the task raises it anew for each round",
    next: "echo line=sim0 count=100 load=softirq > bench; cat bench: bottom halves behind many soft IRQs",
}

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

/// The rounds by who served them.
#[derive(Default)]
struct Rounds {
    in_task: usize,
    in_thread: usize,
    at_irq_exit: usize,
    /// When any task ends another section, it goes on by as many rounds.
    in_others: usize,
    runs: u64,
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    trial.judge_by_clock();
    let rounds = attempt(|| try_once(trial))?;
    judge!(
        rounds.in_task > 0
            && rounds.in_task <= BOUND
            && rounds.in_thread > 0
            && rounds.runs == ROUNDS,
        "raised {} times by {}: {} rounds at the end of the section, then {} in ksoftirqd, {} at the \
         exit of an IRQ, {} at the end of other sections",
        rounds.runs,
        trial.pick("itself", "the task"),
        rounds.in_task,
        rounds.in_thread,
        rounds.at_irq_exit,
        rounds.in_others
    )
}

/// Has the tasklet repeat itself. Nothing if so much else was going on that interrupts and other tasks
/// have served what the section, or ksoftirqd, should have.
fn try_once(trial: &Trial<'_>) -> Answer<Option<Rounds>> {
    let is_control = trial.is_control();
    let repeater = Repeater {
        runs: Atomic::new(0),
        is_repeating: !is_control,
    };
    let tasklet = KBox::pin_init(Tasklet::new(Ok(repeater)), GFP_KERNEL)?;
    let (since_ns, until_ns) = (Atomic::new(0), Atomic::new(0));
    let pid = Atomic::new(0);
    let witness = Witness::of(|event| event.is_of(VECTOR))?;
    let nr_sections = trial.pick(1, ROUNDS);
    let cpu = CpuId::current();
    let cpus = core::iter::once(cpu);
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        pid.store(Snapshot::take().pid, Relaxed);
        since_ns.store(clock::now_ns(), Relaxed);
        for _ in 0..nr_sections {
            // The first round is when the guard goes.
            let _guard = BottomHalvesDisabled::new(here.task);
            tasklet.schedule_hi();
        }
        until_ns.store(clock::now_ns(), Relaxed);
    })?;
    trial.eventually(2000, || tasklet.runs.load(Relaxed) >= ROUNDS);
    let testimony = witness.testimony()?;
    let mut rounds = Rounds {
        runs: tasklet.runs.load(Relaxed),
        ..Rounds::default()
    };
    for (noted, executor) in testimony.services(cpu, since_ns.load(Relaxed), VECTOR) {
        let is_task = noted.at.pid == pid.load(Relaxed);
        let is_first = is_task && noted.at.stamp_ns <= until_ns.load(Relaxed);
        match executor {
            Executor::BottomHalfEnable if is_first => rounds.in_task += 1,
            Executor::BottomHalfEnable => rounds.in_others += 1,
            Executor::IrqExit => rounds.at_irq_exit += 1,
            Executor::Ksoftirqd => rounds.in_thread += 1,
            _ => (),
        }
    }
    let by_others = rounds.at_irq_exit + rounds.in_others;
    let is_lacking = rounds.in_task == 0 || rounds.in_thread == 0;
    Ok((is_control || !is_lacking || by_others == 0).then_some(rounds))
}
