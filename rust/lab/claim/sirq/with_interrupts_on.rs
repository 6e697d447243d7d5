// SPDX-License-Identifier: GPL-2.0

//! Soft IRQs run with interrupts enabled, in no task's context.
//!
//! There is a current task all the same: the one that was interrupted, or ksoftirqd. What makes
//! the difference is that another task cannot take the CPU from a soft IRQ. With PREEMPT_RT it can.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    record::Stage,
    witness::Witness, //
};
use irqlab::{
    context::Kind,
    cpu,
    emit,
    softirq::Vector,
    text::Text, //
};

claim! {
    quote: "When executed on return from an interrupt handler, soft irqs are not associated with any thread and therefore cannot use passive waiting.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "as the text says; there is a current task, which is only the one that was interrupted. With PREEMPT_RT a thread serves them, which may be preempted",
    functions: "handle_softirqs(), softirq_handle_begin()",
    control: "looks at the top halves instead",
    next: "echo 10 > deferral/tasklet/schedule; cat deferral/tasklet/context",
}

/// Events for each mechanism.
const COUNT: u64 = 3;

/// The mechanisms that run in a soft IRQ, and which soft IRQs those are.
const MECHANISMS: [&str; 6] = [
    "tasklet_hi",
    "timer",
    "irq_poll",
    "tasklet",
    "bh_wq",
    "hrtimer_soft",
];

const VECTORS: [Vector; 5] = [
    Vector::Hi,
    Vector::Timer,
    Vector::IrqPoll,
    Vector::Tasklet,
    Vector::HrTimer,
];

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let witness = Witness::of(|event| VECTORS.iter().any(|vector| event.is_of(*vector)))?;
    let seen = halves(trial, evidence)?;
    let nr_preemptible = entries(&witness, seen, evidence)?;
    if nr_preemptible == 0 {
        evidence.holds()
    } else {
        evidence.outdated()
    }
}

/// What bottom halves see themselves; in the control, top halves. How many there were.
fn halves(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<u64> {
    let stage = trial.pick(Stage::Bottom, Stage::Top);
    let group = trial.group("sim0")?;
    let reserved = group.reserve()?;
    let (mut seen, mut as_claimed) = (0, 0);
    let mut mechanisms = Text::new();
    for name in MECHANISMS {
        // Not every kernel has all.
        let Ok(mechanism) = trial.lab.mechanism(name) else {
            continue;
        };
        let _attachment = reserved.attach(mechanism)?;
        let record = mechanism.record();
        record.clear();
        for _ in 0..COUNT {
            reserved.raise_for(record)?;
            trial.await_event(record, name)?;
        }
        for (place, count) in record.places(stage) {
            seen += count;
            let is_so = place.kind == Kind::SoftIrq && !place.irqs_disabled;
            as_claimed += if is_so { count } else { 0 };
        }
        mechanisms.separate(", ")?;
        emit!(&mut mechanisms, "{}", name)?;
    }
    evidence.check(
        seen > 0 && as_claimed == seen,
        fmt!(
            "{as_claimed} of {seen} {} halves ({mechanisms}) ran in a soft IRQ with IF = 1",
            stage.name()
        ),
    )?;
    Ok(seen)
}

/// What the kernel's tracepoint sees where it enters them, whatever they are for. In how many another
/// task could have taken the CPU.
fn entries(witness: &Witness, at_least: u64, evidence: &mut Evidence) -> Answer<usize> {
    let events = witness.events()?;
    let (mut entered, mut with_interrupts, mut preemptible) = (0, 0, 0);
    let mut currents = Text::new();
    for vector in VECTORS {
        for (noted, _) in cpu::online().flat_map(|cpu| events.services(cpu, 0, vector)) {
            let at = &noted.at;
            entered += 1;
            with_interrupts += u64::from(at.kind() == Kind::SoftIrq && !at.irqs_disabled);
            preemptible += usize::from(at.is_preemptible());
            if currents.as_str().len() < 60 && !currents.as_str().contains(at.comm()) {
                currents.separate(", ")?;
                emit!(&mut currents, "{}", at.comm())?;
            }
        }
    }
    if entered < at_least {
        skip!(Missed: "{entered} entries were seen of {at_least}");
    }
    evidence.check(
        with_interrupts == entered,
        fmt!("the kernel entered soft IRQs {entered} times, {with_interrupts} with IF = 1"),
    )?;
    evidence.note(fmt!("current was {currents}"))?;
    // Where a thread serves them (PREEMPT_RT).
    evidence.check(
        preemptible == 0 || cfg!(CONFIG_PREEMPT_RT),
        fmt!("another task could have taken the CPU in {preemptible}"),
    )?;
    Ok(preemptible)
}
