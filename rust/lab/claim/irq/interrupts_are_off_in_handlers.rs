// SPDX-License-Identifier: GPL-2.0

//! Handlers run with interrupts disabled.
//!
//! All of them do: the class of handlers that ran with interrupts enabled is
//! gone from Linux. The primary handler of a threaded interrupt is no exception.
//! Where threading is forced, however, a handler that does not ask to stay out of
//! it is moved into a thread: with `threadirqs` interrupts are off there too, on
//! PREEMPT_RT they are on.

use crate::claim::{
    claim,
    found,
    judge,
    Finding,
    Trial,
    Verdict, //
};
use crate::{
    record::{
        Place,
        SnapshotCell,
        Stage, //
    },
    refusal::Answer, //
};
use irqlab::{
    context::{
        Kind,
        Snapshot, //
    },
    emit,
    irq::{
        IrqReturn,
        Sharing,
        ThreadableHandler, //
    },
    text::Text, //
};
use kernel::prelude::*;

claim! {
    quote: "When an interrupt handler executes, additional interrupts are disabled and a statically allocated stack is used.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "so for all handlers since 2.6.35, before for those that asked for it (IRQF_DISABLED); where threading is forced (PREEMPT_RT, threadirqs), an ordinary handler runs in a thread with interrupts on",
    functions: "handle_irq_event(), __handle_irq_event_percpu(), irq_forced_thread_fn()",
    control: "looks at the bottom halves instead",
    next: "echo tasklet > lines/sim0/handlers; echo 5 > lines/sim0/trigger; cat deferral/tasklet/context; echo none > lines/sim0/handlers",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let stage = if trial.is_control() {
        Stage::Bottom
    } else {
        Stage::Top
    };
    let is_off = |place: Place| place.kind == Kind::HardIrq && place.irqs_disabled;
    let (mut seen, mut as_claimed) = (0, 0);
    let mut lines = Text::new();
    for name in ["sim0", "sim1", "edu0", "edu1"] {
        let Ok(group) = trial.group(name) else {
            continue;
        };
        let lent = group.lend()?;
        let is_shared = lent.source.sharing() == Sharing::Shared;
        let mut nr_refused = 0;
        for mechanism in &trial.lab.mechanisms {
            let _attachment = match lent.attach(mechanism) {
                Err(refusal) if refusal.error == EBUSY && is_shared => {
                    // With a driver outside the lab, which agrees to no thread.
                    nr_refused += 1;
                    continue;
                }
                attached => attached?,
            };
            let record = mechanism.record();
            record.clear();
            record.raised();
            lent.raise()?;
            trial.await_event(record, mechanism.name())?;
            for (place, count) in record.places(stage) {
                seen += count;
                as_claimed += if is_off(place) { count } else { 0 };
            }
        }
        lines.separate(", ")?;
        emit!(&mut lines, "{} ({}", name, lent.source.kind())?;
        if nr_refused > 0 {
            let others = "shared with a driver that agrees to no thread";
            emit!(&mut lines, ", {others}: without {nr_refused} mechanisms")?;
        }
        emit!(&mut lines, ")")?;
    }
    let Some(ordinary) = ordinary_handler(trial)? else {
        return judge!(false, "sim0: an ordinary handler was not called");
    };
    let verdict = if seen == 0 || as_claimed != seen {
        Verdict::Fails
    } else if ordinary.irqs_disabled {
        Verdict::Holds
    } else {
        Verdict::Outdated
    };
    // Forced threading is all that moves a handler there.
    let is_forced = ordinary.kind() == Kind::Task;
    found(
        verdict,
        fmt!(
            "IF = 0 in hard IRQ context in {} of {} {} halves, all mechanisms, on {}; an ordinary \
             driver's handler: IF = {} in {} context{}",
            as_claimed,
            seen,
            stage.name(),
            lines,
            u8::from(!ordinary.irqs_disabled),
            ordinary.kind(),
            if is_forced {
                ", as this kernel forces threading"
            } else {
                ""
            }
        ),
    )
}

/// What the handler of a driver sees that leaves its context to the kernel.
struct Ordinary(SnapshotCell);

impl ThreadableHandler for Ordinary {
    fn handle(&self) -> IrqReturn {
        self.0.store(&Snapshot::take());
        IrqReturn::Handled
    }
}

fn ordinary_handler(trial: &Trial<'_>) -> Answer<Option<Snapshot>> {
    let group = trial.group("sim0")?;
    let lent = group.lend()?;
    let line = lent.source.line();
    let ordinary = Ordinary(SnapshotCell::new());
    let registration = line.request_threadable(Sharing::Exclusive, c"ordinary", Ok(ordinary))?;
    lent.raise()?;
    let seen = || registration.handler().0.load();
    trial.eventually(2000, || seen().is_some());
    Ok(seen())
}
