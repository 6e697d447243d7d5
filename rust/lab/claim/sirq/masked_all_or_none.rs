// SPDX-License-Identifier: GPL-2.0

//! A deferrable function can be masked by itself: a tasklet can, a soft IRQ cannot.
//!
//! Two soft IRQs are raised while bottom halves are disabled: neither runs. Then one of two tasklets
//! of the same soft IRQ is disabled, and both are scheduled: the other one runs.

use crate::{
    claim::prelude::*,
    runs::Runs,
    watch::Event,
    witness::Witness, //
};
use irqlab::{
    clock,
    context::BottomHalvesDisabled,
    cpu::{
        self,
        CpuId, //
    },
    softirq::Vector,
    tasklet::Tasklet,
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "Masking. Selectively disable a function so that it will be not executed even if activated.",
    section: "SoftIRQs and Tasklets",
    today: "soft IRQs are disabled on a CPU all together, and never one by itself; a tasklet can be disabled by itself, \
            and is kept until it is enabled",
    functions: "local_bh_disable(), tasklet_disable(), tasklet_action_common()",
    control: "bottom halves stay on, and the tasklet is not disabled",
    next: "echo TASK-05 > claims; grep ^TASK-05 claims # how often a tasklet may be disabled",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    /// Another task may have come between where the section does not keep it off (PREEMPT_RT).
    const ATTEMPTS: u32 = 10;

    let mut ran = (0, 0);
    for _ in 0..ATTEMPTS {
        ran = before_the_end(trial)?;
        if ran == (0, 0) || trial.is_control() {
            break;
        }
    }
    let (hi, ordinary) = ran;
    evidence.check(
        ran == (0, 0),
        fmt!(
            "raised with bottom halves {}: {} had run {hi} times, {} {ordinary} times",
            trial.pick("off", "on"),
            Vector::Hi,
            Vector::Tasklet
        ),
    )?;
    with_a_tasklet_off(trial, evidence)?;
    evidence.outdated()
}

fn tasklet() -> Result<Arc<Tasklet<Runs>>> {
    Arc::pin_init(Tasklet::new(Ok(Runs::new())), GFP_KERNEL)
}

/// How often a tasklet of each soft IRQ had run before bottom halves were enabled again; in the control,
/// where they stay on.
fn before_the_end(trial: &Trial<'_>) -> Answer<(u64, u64)> {
    const MOMENT_NS: u64 = 1_000_000;

    let (hi, ordinary) = (tasklet()?, tasklet()?);
    let (ran_hi, ran_ordinary) = (Atomic::new(0), Atomic::new(0));
    let is_control = trial.is_control();
    let moment_ns = trial.pick(MOMENT_NS, 50 * MOMENT_NS);
    let cpus = core::iter::once(CpuId::current());
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        let _guard = (!is_control).then(|| BottomHalvesDisabled::new(here.task));
        hi.schedule_hi();
        ordinary.schedule();
        // In the control until the tick, which serves what is pending.
        let have_run = || is_control && hi.count() + ordinary.count() == 2;
        clock::spin_until(moment_ns, have_run);
        ran_hi.store(hi.count(), Relaxed);
        ran_ordinary.store(ordinary.count(), Relaxed);
    })?;
    trial.come("a tasklet of each soft IRQ", || {
        hi.count() == 1 && ordinary.count() == 1
    })?;
    Ok((ran_hi.load(Relaxed), ran_ordinary.load(Relaxed)))
}

fn with_a_tasklet_off(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer {
    let (masked, other) = (tasklet()?, tasklet()?);
    let witness = Witness::of(|event| matches!(event, Event::Entered(Vector::Tasklet, _)))?;
    let disabled = (!trial.is_control()).then(|| masked.disable(trial.task));
    {
        let _guard = BottomHalvesDisabled::new(trial.task);
        masked.schedule();
        other.schedule();
    }
    trial.come("a tasklet", || other.count() == 1)?;
    // Those that are disabled go back to the list, and it is entered again.
    let nr_masked = masked.count();
    let events = witness.events()?;
    let entered: usize = cpu::online().map(|cpu| events.on(cpu, 0).count()).sum();
    evidence.check(
        nr_masked == 0 && other.count() == 1,
        fmt!(
            "of two tasklets one was {}: it ran {nr_masked} times, the other {} times",
            trial.pick("disabled", "not disabled"),
            other.count()
        ),
    )?;
    evidence.check(
        entered > 0,
        fmt!("{} was entered {entered} times", Vector::Tasklet),
    )?;
    drop(disabled);
    trial.come("a tasklet that was disabled", || masked.count() > 0)?;
    evidence.check(
        masked.count() == 1,
        fmt!("enabled again it ran {} times", masked.count()),
    )?;
    Ok(())
}
