// SPDX-License-Identifier: GPL-2.0

//! A DPC runs with interrupts on, in a context that must not block, and no other DPC
//! interrupts it.
//!
//! While it runs, an interrupt is sent to its CPU, which has to be taken at once, and a DPC of
//! High importance is queued there, which has to wait.

use super::probe::{
    probe,
    system,
    Boxed,
    Journal,
    ONLY_INSERTIONS, //
};
use crate::{
    claim::prelude::*,
    runs::Runs, //
};
use irqlab::{
    clock,
    context::{
        SoftIrq,
        Task, //
    },
    cpu::{
        self,
        CpuId, //
    },
    dpc::{
        Arguments,
        Dpc,
        Handler,
        Importance,
        Ordinary, //
    },
    irq_work::IrqWork,
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "An ordinary DPC preempts the execution of all threads, and cannot be preempted by a thread or by another DPC.",
    section: "Windows driver documentation, Introduction to Threaded DPCs",
    today: "rebuilt: in the soft IRQ, where no other soft IRQ begins; on PREEMPT_RT that is a thread",
    functions: "tasklet_hi_action(), handle_softirqs(); dpc::Handler::run()",
    control: "queues the other DPC on another CPU",
    next: "echo 5 > deferral/dpc/schedule; cat deferral/dpc/context",
}

/// How long it waits for what has to come, and for what must not.
const PATIENCE_NS: u64 = 20_000_000;
const MOMENT_NS: u64 = 500_000;

/// The DPC that others try to interrupt.
struct Outer {
    other: Boxed<Ordinary>,
    journal: Arc<Journal>,
    interrupt: Pin<KBox<IrqWork<Runs>>>,
    goes_elsewhere: bool,
    was_interrupted: Atomic<bool>,
    may_sleep: Atomic<bool>,
    nr_nested: Atomic<usize>,
    is_done: Atomic<bool>,
}

impl Handler for Outer {
    type Kind = Ordinary;

    fn run(this: &Dpc<Self>, _arguments: Arguments, _softirq: &SoftIrq) {
        this.may_sleep.store(Task::current().is_some(), Relaxed);
        this.interrupt.queue();
        let came = clock::spin_until(PATIENCE_NS, || this.interrupt.count() > 0);
        this.was_interrupted.store(came, Relaxed);
        if this.goes_elsewhere {
            this.other.set_target(cpu::next_online(CpuId::current()));
        }
        this.other.insert(Arguments::default());
        let patience_ns = if this.goes_elsewhere {
            PATIENCE_NS
        } else {
            MOMENT_NS
        };
        clock::spin_until(patience_ns, || this.journal.len() > 0);
        this.nr_nested.store(this.journal.len(), Relaxed);
        this.is_done.store(true, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if trial.is_control() {
        trial.cpus::<2>()?;
    }
    let system = system(ONLY_INSERTIONS)?;
    let journal = Journal::new()?;
    let other = probe::<Ordinary>(&system, &journal, 'o')?;
    other.set_importance(Importance::High);
    let outer = Outer {
        other,
        journal: journal.clone(),
        interrupt: KBox::pin_init(IrqWork::new(Ok(Runs::new())), GFP_KERNEL)?,
        goes_elsewhere: trial.is_control(),
        was_interrupted: Atomic::new(false),
        may_sleep: Atomic::new(false),
        nr_nested: Atomic::new(0),
        is_done: Atomic::new(false),
    };
    let dpc = KBox::pin_init(Dpc::new(&system, Ok(outer)), GFP_KERNEL)?;
    dpc.insert(Arguments::default());
    trial.come("a DPC", || dpc.is_done.load(Acquire) && journal.len() == 1)?;

    evidence.check(
        dpc.was_interrupted.load(Relaxed),
        fmt!(
            "an interrupt came while it ran: {} in a hard IRQ",
            dpc.interrupt.in_hardirq()
        ),
    )?;
    let may_sleep = dpc.may_sleep.load(Relaxed);
    evidence.check(!may_sleep, fmt!("it might sleep: {may_sleep}"))?;
    let nr_nested = dpc.nr_nested.load(Relaxed);
    evidence.check(
        nr_nested == 0 && journal.len() == 1,
        fmt!(
            "DPCs of High importance: {}, of them before it ended: {nr_nested}",
            journal.len()
        ),
    )?;
    if let Some(run) = journal.get(0) {
        let (kind, on) = (run.at.kind(), u8::from(!run.at.irqs_disabled));
        evidence.check(run.is_ordinary(), fmt!("context {kind}, IF={on}"))?;
    }
    evidence.holds()
}
