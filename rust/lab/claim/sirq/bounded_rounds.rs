// SPDX-License-Identifier: GPL-2.0

//! After a bounded number of rounds in a row, ksoftirqd goes on.
//!
//! The bounds are 10 rounds, 2 ms, and that a task needs the CPU. A tasklet schedules itself again and
//! again, so that each round leaves something for the next.

use crate::{
    claim::prelude::*,
    hold::attempt,
    raiser::VECTOR,
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
        Kind,
        Tasklet, //
    },
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "in order to avoid that __do_softirq() never regain control to user processes it only executes a fixed number of iterations, the remaining softirqs will be handled by ksoftirqd daemon.",
    section: "Execution - do_softirq()",
    today: "10 rounds at most; since 3.9 (2013) fewer if 2 ms have passed, or as soon as a task needs the CPU",
    functions: "handle_softirqs(): MAX_SOFTIRQ_RESTART, MAX_SOFTIRQ_TIME; wakeup_softirqd()",
    control: "the task raises it anew for each round",
    next: "echo line=sim0 count=20 mechanisms=hard,tasklet,percpu_wq load=softirq > bench; cat bench # \
           bottom halves behind many soft IRQs",
}

/// How often the tasklet is to run, and the kernel's bound.
const ROUNDS: u64 = 100;
const BOUND: usize = 10;

struct Repeater {
    runs: Atomic<u64>,
    is_repeating: bool,
}

impl Handler<Kind> for Repeater {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let runs = this.runs.fetch_add(1, Relaxed) + 1;
        if this.is_repeating && runs < ROUNDS {
            this.schedule_hi();
        }
    }
}

/// The rounds of which the kernel's tracepoint told.
struct Rounds {
    /// The first ones, all at the end of the section.
    in_a_row: usize,
    /// Who went on then, and how often ksoftirqd did later.
    next: Option<Executor>,
    in_thread: usize,
    runs: u64,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.judge_by_clock();
    let cpu = CpuId::current();
    let witness = Witness::on(cpu, |event| event.is_of(VECTOR))?;
    let rounds = attempt(|| try_once(trial, cpu, &witness))?;
    evidence.note(fmt!(
        "a tasklet was scheduled {} times, by {}",
        rounds.runs,
        trial.pick("itself", "the task")
    ))?;
    evidence.check(
        (1..=BOUND).contains(&rounds.in_a_row),
        fmt!(
            "{} rounds in a row at the end of the task's section",
            rounds.in_a_row
        ),
    )?;
    evidence.check(
        // Where interrupts are forced into threads, timers have a thread that serves the others as well.
        matches!(rounds.next, Some(Executor::Ksoftirqd | Executor::Ktimers)),
        fmt!(
            "the next one by {}",
            rounds.next.map_or("nobody", Executor::name)
        ),
    )?;
    evidence.note(fmt!("{} by ksoftirqd in all", rounds.in_thread))?;
    evidence.holds()
}

/// Has the tasklet repeat itself. Nothing if the end of an interrupt, or of somebody else's section,
/// served it when the section, or ksoftirqd, should have.
fn try_once(trial: &Trial<'_>, cpu: CpuId, witness: &Witness) -> Answer<Option<Rounds>> {
    let repeater = Repeater {
        runs: Atomic::new(0),
        is_repeating: !trial.is_control(),
    };
    let tasklet = KBox::pin_init(Tasklet::new(Ok(repeater)), GFP_KERNEL)?;
    let (since_ns, until_ns) = (Atomic::new(0), Atomic::new(0));
    let pid = Atomic::new(0);
    let nr_sections = trial.pick(1, ROUNDS);
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
    if !trial.eventually(2000, || tasklet.runs.load(Relaxed) >= ROUNDS) {
        return Ok(None);
    }
    let events = witness.events()?;
    let services = || events.services(cpu, since_ns.load(Relaxed), VECTOR);
    let (mut in_a_row, mut next) = (0, None);
    for (noted, executor) in services() {
        if executor != Executor::BottomHalfEnable
            || noted.at.pid != pid.load(Relaxed)
            || noted.at.stamp_ns > until_ns.load(Relaxed)
        {
            next = Some(executor);
            break;
        }
        in_a_row += 1;
    }
    let rounds = Rounds {
        in_a_row,
        next,
        in_thread: services().by(Executor::Ksoftirqd),
        runs: tasklet.runs.load(Relaxed),
    };
    let is_by_others = in_a_row == 0
        || matches!(
            next,
            Some(Executor::IrqExit | Executor::BottomHalfEnable | Executor::Idle)
        );
    Ok((trial.is_control() || !is_by_others).then_some(rounds))
}
