// SPDX-License-Identifier: GPL-2.0

//! Kernel control paths nest.
//!
//! One of each kind, each raised in the one before: a soft IRQ in a task, a hard IRQ in that, an NMI in
//! that, and a page fault in that. The preempt count says in each what it is on top of; the matrix of
//! `nesting` says it for the first two. And the other way round: a hard IRQ in the handler of a page
//! fault.

use crate::{
    claim::prelude::*,
    fixup::Seen,
    nesting::{
        Below,
        Nesting, //
    },
    record::SnapshotCell,
    runs::Runs,
    watch::watch, //
};
use irqlab::{
    clock,
    context::{
        Caller,
        Kind,
        Snapshot,
        Task, //
    },
    demand::{
        Page,
        Provider, //
    },
    exception::Watch,
    fixup::{
        self,
        Address,
        Island,
        Paging, //
    },
    irq_work::IrqWork,
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "These paths may arbitrarily nested by another interrupt handler, thus giving rise to a nested \
            execution of kernel control paths.",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "the same, but that hard IRQs of one CPU no longer nest: IRQ-09",
    functions: "irqentry_enter(), irq_enter_rcu(), irqentry_nmi_enter()",
    control: "raises each in the task",
    next: "echo on > nesting; echo 10 > deferral/tasklet/schedule; cat nesting; echo off > nesting",
}

/// Has an interrupt come in the handler of a page fault.
struct Interrupted {
    work: Pin<KBox<IrqWork<Runs>>>,
    came: Atomic<bool>,
}

impl Provider for Interrupted {
    fn provide(&self, _task: &Task) {
        const PATIENCE_NS: u64 = 100_000_000;

        self.work.queue();
        let came = clock::spin_until(PATIENCE_NS, || self.work.count() > 0);
        self.came.store(came, Relaxed);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.own_user_memory()?;
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
    let seen = exceptions.observer().first();
    for (name, now, expected) in [
        ("task", cells[Kind::Task as usize].load(), [0, 0, 0]),
        ("soft IRQ", cells[Kind::SoftIrq as usize].load(), [1, 0, 0]),
        ("hard IRQ", cells[Kind::HardIrq as usize].load(), [1, 1, 0]),
        ("NMI", cells[Kind::Nmi as usize].load(), [1, 1, 1]),
        ("#PF", seen.map(|(seen, _)| seen.at), [1, 1, 1]),
    ] {
        let Some(now) = now else {
            evidence.check(false, fmt!("{name}: did not run"))?;
            continue;
        };
        let softirq = u32::from(now.is_serving_softirq());
        // The kernel counts an NMI as a hard IRQ as well.
        let nmi = now.nmi_depth();
        let hardirq = now.hardirq_depth().saturating_sub(nmi);
        evidence.check(
            [softirq, hardirq, nmi] == expected,
            fmt!("{name}: {softirq} soft IRQ, {hardirq} hard IRQ, {nmi} NMI active"),
        )?;
    }
    let over_task = nesting.observer().softirqs_over(Below::Task);
    // Without a local APIC the tick, which has a line, does what waits.
    let over_softirq = nesting.observer().irq_work_over(Below::SoftIrq)
        + nesting.observer().handlers_over(Below::SoftIrq);
    evidence.check(
        over_task > 0 && over_softirq > 0,
        fmt!(
            "the kernel's tracepoints: {over_task} soft IRQs over a task, {over_softirq} interrupts over a \
             soft IRQ"
        ),
    )?;
    if !trial.is_control() {
        let interrupted = Interrupted {
            work: KBox::pin_init(IrqWork::new(Ok::<_, Error>(Runs::new())), GFP_KERNEL)?,
            came: Atomic::new(false),
        };
        let interrupted = Arc::new(interrupted, GFP_KERNEL)?;
        let page = Page::new::<crate::LocalModule>(interrupted.clone(), trial.task)?;
        fixup::read(
            &Address::user(page.address(), trial.task)?,
            Paging::Served(trial.task),
        )?;
        evidence.check(
            interrupted.came.load(Relaxed),
            fmt!(
                "in the handler of a page fault, {} interrupt was served",
                interrupted.work.count()
            ),
        )?;
    }
    evidence.holds()
}
