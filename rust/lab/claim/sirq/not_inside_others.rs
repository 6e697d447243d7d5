// SPDX-License-Identifier: GPL-2.0

//! No soft IRQ runs in a hard IRQ, nor while soft IRQs are disabled: not
//! before the outermost section ends.
//!
//! On PREEMPT_RT another task may serve it meanwhile, as a section does not keep
//! others from the CPU; then it is tried again.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    raiser::{
        self,
        Raiser, //
    },
    refusal::Answer,
    witness::Witness, //
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        Snapshot, //
    },
    cpu::{
        self,
        CpuId,
        Here, //
    },
    softirq::Executor,
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "checks if invoked in a interrupt context or softirqs are disabled, if yes returns",
    section: "Execution - do_softirq()",
    today: "as the text says: one count, preempt_count(), has the bits of both. With PREEMPT_RT the count of disabled soft IRQs is the task's",
    functions: "do_softirq(), __local_bh_enable_ip(), in_interrupt()",
    control: "the section inside is the outermost",
    next: "echo on > nesting; sleep 1; cat nesting; echo off > nesting",
}

/// Each place where it could run; how often it had, when each was left.
struct Runs {
    in_irq: Atomic<u64>,
    after_irq: Atomic<u64>,
    after_inner: Atomic<u64>,
    after_outer: Atomic<u64>,
    since_ns: Atomic<u64>,
    pid: Atomic<i32>,
}

impl Runs {
    const fn new() -> Self {
        Self {
            in_irq: Atomic::new(0),
            after_irq: Atomic::new(0),
            after_inner: Atomic::new(0),
            after_outer: Atomic::new(0),
            since_ns: Atomic::new(0),
            pid: Atomic::new(0),
        }
    }
}

/// Raises it in a hard IRQ that interrupts two sections, one within the other.
fn nest(raiser: &Raiser, runs: &Runs, here: &Here<'_>, is_control: bool) {
    let before = raiser.runs();
    let so_far = || raiser.runs().wrapping_sub(before);
    runs.pid.store(Snapshot::take().pid, Relaxed);
    runs.since_ns.store(clock::now_ns(), Relaxed);
    let outer = (!is_control).then(|| BottomHalvesDisabled::new(here.task));
    let inner = BottomHalvesDisabled::new(here.task);
    let in_irq = raiser.raise_in_irq_work();
    runs.in_irq.store(in_irq.unwrap_or(u64::MAX), Relaxed);
    runs.after_irq.store(so_far(), Relaxed);
    drop(inner);
    runs.after_inner.store(so_far(), Relaxed);
    drop(outer);
    runs.after_outer.store(so_far(), Relaxed);
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    trial.judge_by_clock();
    const TRIES: usize = 5;

    let raiser = Raiser::new()?;
    let witness = Witness::of(|event| event.is_of(raiser::VECTOR))?;
    let is_control = trial.is_control();
    let mut tries = 0;
    loop {
        tries += 1;
        let runs = Runs::new();
        let cpu = CpuId::current();
        let cpus = core::iter::once(cpu);
        cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
            nest(&raiser, &runs, here, is_control)
        })?;
        trial.settle();
        let testimony = witness.testimony()?;
        let Some(service) = testimony.service(cpu, runs.since_ns.load(Relaxed), raiser::VECTOR)
        else {
            return judge!(false, "{} was not raised, or not served", raiser::VECTOR);
        };
        let is_foreign = service.entered.at.pid != runs.pid.load(Relaxed);
        let at_end = |runs: &Runs| {
            runs.in_irq.load(Relaxed) == 0
                && runs.after_irq.load(Relaxed) == 0
                && runs.after_inner.load(Relaxed) == 0
                && runs.after_outer.load(Relaxed) == 1
        };
        // Another interrupt that ends just when the last section does is quicker to serve it; and on
        // PREEMPT_RT, another task.
        let was_forestalled = at_end(&runs) && service.executor != Executor::BottomHalfEnable;
        let is_of_rt = cfg!(CONFIG_PREEMPT_RT) && is_foreign;
        if (was_forestalled || is_of_rt) && tries < TRIES {
            continue;
        }
        let raised_at = &service.raised.at;
        return judge!(
            at_end(&runs) && service.executor == Executor::BottomHalfEnable && !is_foreign,
            "raised in {} with soft IRQs disabled {} times; runs: in the handler {}, after the IRQ \
             {}, after the inner section {}, after the outer {}; served by {} in {}",
            raised_at.kind(),
            // Each section counts 2.
            raised_at.softirq_depth() / 2,
            runs.in_irq.load(Relaxed),
            runs.after_irq.load(Relaxed),
            runs.after_inner.load(Relaxed),
            runs.after_outer.load(Relaxed),
            service.executor,
            service.entered.at.comm()
        );
    }
}
