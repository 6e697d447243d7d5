// SPDX-License-Identifier: GPL-2.0

//! Kernel control paths nest.
//!
//! One of each kind, each raised in the one before: a soft IRQ in a task, a hard IRQ in
//! that, an NMI in that, and a page fault in that. The preempt count says in each what it
//! is on top of; the matrix of `nesting` says it for the first two.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    fixup::Seen,
    nesting::{
        Below,
        Nesting, //
    },
    record::SnapshotCell,
    refusal::Answer,
    watch::watch, //
};
use irqlab::{
    context::{
        Caller,
        Kind,
        Snapshot, //
    },
    emit,
    exception::Watch,
    fixup::{
        self,
        Island,
        Paging, //
    },
    text::Text,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

claim! {
    quote: "These paths may arbitrarily nested by another interrupt handler, thus giving rise to a nested execution of kernel control paths",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "the same, but for hard IRQs of the same CPU, which do not nest: IRQ-09",
    functions: "irqentry_enter(), irq_enter_rcu(), irqentry_nmi_enter()",
    control: "each is raised in the task",
    next: "echo on > nesting; echo 10 > deferral/tasklet/schedule; cat nesting; echo off > nesting",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let caller = Caller::new(trial.task)?;
    let island = Island::new()?;
    let exceptions = Watch::new(Arc::new(Seen::new(), GFP_KERNEL)?)?;
    let nesting = watch(Nesting::new()?)?;
    let cells = Kind::ALL.map(|_| SnapshotCell::new());
    let note = |kind: Kind| cells[kind as usize].store(&Snapshot::take());
    let fault = || {
        note(Kind::Nmi);
        let _ = fixup::read(&island.guard(0), Paging::Refused);
    };
    note(Kind::Task);
    if trial.is_control() {
        caller.call(Kind::SoftIrq, trial.task, &|| note(Kind::SoftIrq))?;
        caller.call(Kind::HardIrq, trial.task, &|| note(Kind::HardIrq))?;
        caller.call(Kind::Nmi, trial.task, &fault)?;
    } else {
        let hardirq = || {
            note(Kind::HardIrq);
            let _ = caller.call_in_nmi(&fault);
        };
        let softirq = || {
            note(Kind::SoftIrq);
            let _ = caller.call_in_hardirq(&hardirq);
        };
        caller.call(Kind::SoftIrq, trial.task, &softirq)?;
    }
    let mut evidence = Text::new();
    let mut is_nested = true;
    let mut say = |name: &str, now: Option<Snapshot>, expected: [u32; 3]| -> Result {
        let Some(now) = now else {
            is_nested = false;
            return emit!(&mut evidence, "{}: did not run; ", name);
        };
        let depths = [
            u32::from(now.is_serving_softirq()),
            now.hardirq_depth(),
            now.nmi_depth(),
        ];
        is_nested &= depths == expected;
        let [softirq, hardirq, nmi] = depths;
        emit!(
            &mut evidence,
            "{}: softirq {} hardirq {} nmi {}; ",
            name,
            softirq,
            hardirq,
            nmi
        )
    };
    let cell = |kind: Kind| cells[kind as usize].load();
    say("task", cell(Kind::Task), [0, 0, 0])?;
    say("softirq", cell(Kind::SoftIrq), [1, 0, 0])?;
    say("hardirq", cell(Kind::HardIrq), [1, 1, 0])?;
    // An NMI counts as a hard IRQ as well.
    say("nmi", cell(Kind::Nmi), [1, 2, 1])?;
    let seen = exceptions.observer().first();
    say("#PF", seen.map(|(seen, _)| seen.at), [1, 2, 1])?;
    let over_task = nesting.observer().softirqs_over(Below::Task);
    let over_softirq = nesting.observer().irq_work_over(Below::SoftIrq);
    judge!(
        is_nested && over_task > 0 && over_softirq > 0,
        "{}nesting: {} softirqs over a task, {} irq_work over a softirq",
        evidence,
        over_task,
        over_softirq
    )
}
