// SPDX-License-Identifier: GPL-2.0

//! No soft IRQ runs in a hard IRQ, nor while soft IRQs are disabled: not before the outermost
//! section ends.
//!
//! On PREEMPT_RT another task may serve it meanwhile, as a section does not keep others from the
//! CPU; and anywhere another interrupt may end just when the section does. Then it is tried again.

use crate::{
    claim::prelude::*,
    hold::attempt,
    raiser::{
        self,
        Raiser, //
    },
    witness::{
        Service,
        Witness, //
    },
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
    has_come: Atomic<bool>,
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
            has_come: Atomic::new(false),
        }
    }
}

/// Raises it in a hard IRQ that interrupts two sections, one within the other; in the control, one.
fn nest(raiser: &Raiser, runs: &Runs, here: &Here<'_>, is_control: bool) {
    let before = raiser.runs();
    let so_far = || raiser.runs().wrapping_sub(before);
    runs.pid.store(Snapshot::take().pid, Relaxed);
    runs.since_ns.store(clock::now_ns(), Relaxed);
    let outer = (!is_control).then(|| BottomHalvesDisabled::new(here.task));
    let inner = BottomHalvesDisabled::new(here.task);
    let in_irq = raiser.raise_in_irq_work();
    runs.has_come.store(in_irq.is_some(), Relaxed);
    runs.in_irq.store(in_irq.unwrap_or(0), Relaxed);
    runs.after_irq.store(so_far(), Relaxed);
    drop(inner);
    runs.after_inner.store(so_far(), Relaxed);
    drop(outer);
    runs.after_outer.store(so_far(), Relaxed);
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.judge_by_clock();
    let cpu = CpuId::current();
    let raiser = Raiser::new()?;
    let witness = Witness::on(cpu, |event| event.is_of(raiser::VECTOR))?;
    let (runs, service) = attempt(|| try_once(trial, cpu, &raiser, &witness))?;
    let raised_at = &service.raised.at;
    evidence.note(fmt!(
        "raised in {}, with soft IRQs disabled {} times",
        raised_at.kind(),
        // Each section counts 2.
        raised_at.softirq_depth() / 2
    ))?;
    for (place, count, wanted) in [
        ("in the hard IRQ", &runs.in_irq, 0),
        ("after it", &runs.after_irq, 0),
        ("after the inner section", &runs.after_inner, 0),
        ("after the outer", &runs.after_outer, 1),
    ] {
        let count = count.load(Relaxed);
        evidence.check(count == wanted, fmt!("it had run {count} times {place}"))?;
    }
    evidence.note(fmt!(
        "served by {} in {}",
        service.executor,
        service.entered.at.comm()
    ))?;
    evidence.holds()
}

/// Nothing if somebody else has served it as soon as the last section had ended.
fn try_once(
    trial: &Trial<'_>,
    cpu: CpuId,
    raiser: &Raiser,
    witness: &Witness,
) -> Answer<Option<(Runs, Service)>> {
    let runs = Runs::new();
    let before = raiser.runs();
    let is_control = trial.is_control();
    let cpus = core::iter::once(cpu);
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        nest(raiser, &runs, here, is_control)
    })?;
    let is_served = trial.eventually(2000, || raiser.runs() != before);
    let events = witness.events()?;
    let service = events.service(cpu, runs.since_ns.load(Relaxed), raiser::VECTOR);
    let Some(service) = service.filter(|_| is_served && runs.has_come.load(Relaxed)) else {
        return Ok(None);
    };
    let is_own = service.entered.at.pid == runs.pid.load(Relaxed);
    let is_too_early = [&runs.in_irq, &runs.after_irq, &runs.after_inner]
        .iter()
        .any(|count| count.load(Relaxed) > 0);
    // Others may serve it where this task is not kept from losing the CPU, and where no section is
    // left.
    let is_by_others = service.executor != Executor::BottomHalfEnable || !is_own;
    let is_of_rt = cfg!(CONFIG_PREEMPT_RT) && !is_own;
    let is_forestalled = is_of_rt || is_by_others && !is_too_early;
    Ok((!is_forestalled).then_some((runs, service)))
}
