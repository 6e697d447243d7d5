// SPDX-License-Identifier: GPL-2.0

//! Handlers run with interrupts disabled.
//!
//! All of them do: the class of handlers that ran with interrupts enabled is
//! gone from Linux. The primary handler of a threaded interrupt is no exception.
//! Where threading is forced, however, a handler that does not ask to stay out of
//! it is moved into a thread: with `threadirqs` interrupts are off there too, on
//! PREEMPT_RT they are on.

use crate::{
    claim::prelude::*,
    record::{
        Place,
        SnapshotCell,
        Stage, //
    },
    refusal::refuse,
};
use irqlab::{
    context::{
        Kind,
        Snapshot, //
    },
    irq::{
        IrqReturn,
        Sharing,
        ThreadableHandler, //
    },
};

claim! {
    quote: "When an interrupt handler executes, additional interrupts are disabled and a statically allocated stack is used.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "so for all handlers since 2.6.35, before for those that asked for it (IRQF_DISABLED); where threading is forced, an ordinary handler runs in a thread: with threadirqs interrupts are off there too, on PREEMPT_RT they are on",
    functions: "handle_irq_event(), __handle_irq_event_percpu(), irq_forced_thread_fn()",
    control: "looks at the bottom halves instead",
    next: "echo tasklet > lines/sim0/handlers; echo 5 > lines/sim0/trigger; cat deferral/tasklet/context; echo none > lines/sim0/handlers",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let stage = trial.pick(Stage::Top, Stage::Bottom);
    let name = trial.line("edu0").map_or("sim0", |_| "edu0");
    try_line(trial, name, stage, evidence)?;
    let ordinary = ordinary_handler(trial)?;
    evidence.note(fmt!(
        "a driver's ordinary handler ran in {} context with IF = {}",
        ordinary.kind(),
        u8::from(!ordinary.irqs_disabled)
    ))?;
    if ordinary.kind() == Kind::Task {
        evidence.note(fmt!("as this kernel forces threading"))?;
    }
    if ordinary.irqs_disabled {
        evidence.holds()
    } else {
        evidence.outdated()
    }
}

/// Has an interrupt of the line handled by each mechanism, and looks at one of its halves.
fn try_line(trial: &Trial<'_>, name: &str, stage: Stage, evidence: &mut Evidence) -> Answer {
    let is_off = |place: Place| place.kind == Kind::HardIrq && place.irqs_disabled;
    let group = trial.group(name)?;
    let reserved = group.reserve()?;
    let is_shared = reserved.source.sharing() == Sharing::Shared;
    let (mut nr_seen, mut nr_off, mut nr_refused) = (0, 0, 0);
    // A handler that leaves its context to the kernel is looked at apart.
    let mechanisms = trial.lab.mechanisms.iter();
    for mechanism in mechanisms.filter(|one| one.mechanism.anywhere().is_none()) {
        let _attachment = match reserved.attach(mechanism) {
            Err(refusal) if refusal.error == EBUSY && is_shared => {
                // With a driver outside the lab, which agrees to no thread.
                nr_refused += 1;
                continue;
            }
            attached => attached?,
        };
        let record = mechanism.record();
        record.clear();
        reserved.raise_for(record)?;
        trial.await_event(record, mechanism.name())?;
        for (place, count) in record.places(stage) {
            nr_seen += count;
            nr_off += if is_off(place) { count } else { 0 };
        }
    }
    evidence.check(
        nr_seen > 0 && nr_off == nr_seen,
        fmt!(
            "{name} ({}): {nr_off} of {nr_seen} {} halves, of all mechanisms, ran in hardirq context with IF = 0",
            reserved.source.kind(),
            stage.name()
        ),
    )?;
    if nr_refused > 0 {
        evidence.note(fmt!(
            "{nr_refused} mechanisms left out, as {name} is shared with a driver that agrees to no thread"
        ))?;
    }
    Ok(())
}

/// What the handler of a driver sees that leaves its context to the kernel.
struct Ordinary(SnapshotCell);

impl ThreadableHandler for Ordinary {
    fn handle(&self) -> IrqReturn {
        self.0.store(&Snapshot::take());
        IrqReturn::Handled
    }
}

fn ordinary_handler(trial: &Trial<'_>) -> Answer<Snapshot> {
    let group = trial.group("sim0")?;
    let reserved = group.reserve()?;
    let line = reserved.source.line();
    let ordinary = Ordinary(SnapshotCell::new());
    let registration = line.request_threadable(Sharing::Exclusive, c"ordinary", Ok(ordinary))?;
    reserved.raise()?;
    let seen = || registration.handler().0.load();
    trial.come("an ordinary handler", || seen().is_some())?;
    match seen() {
        Some(snapshot) => Ok(snapshot),
        None => refuse!(EIO, "sim0: an ordinary handler was not called"),
    }
}
