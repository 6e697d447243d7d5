// SPDX-License-Identifier: GPL-2.0

//! Soft IRQs run with interrupts enabled, in no task's context.
//!
//! There is a current task all the same: the one that was interrupted, or
//! ksoftirqd. The kernel's count of being in a soft IRQ is what forbids to sleep.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    record::Stage,
    refusal::Answer,
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

/// The mechanisms that run in a soft IRQ, each with it.
const MECHANISMS: [(&str, Vector); 6] = [
    ("tasklet_hi", Vector::Hi),
    ("timer", Vector::Timer),
    ("irq_poll", Vector::IrqPoll),
    ("tasklet", Vector::Tasklet),
    ("bh_wq", Vector::Tasklet),
    ("hrtimer_soft", Vector::HrTimer),
];

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let stage = if trial.is_control() {
        Stage::Top
    } else {
        Stage::Bottom
    };
    let group = trial.group("sim0")?;
    let lent = group.lend()?;
    let witness = Witness::of(|event| {
        let is_of = |(_, vector): &(&str, Vector)| event.is_of(*vector);
        MECHANISMS.iter().any(is_of)
    })?;
    let (mut seen, mut as_claimed) = (0, 0);
    let mut vectors = Text::new();
    for (name, vector) in MECHANISMS {
        // Not every kernel has all.
        let Ok(mechanism) = trial.lab.mechanism(name) else {
            continue;
        };
        let _attachment = lent.attach(mechanism)?;
        let record = mechanism.record();
        record.clear();
        for _ in 0..COUNT {
            record.raised();
            lent.raise()?;
            trial.await_event(record, name)?;
        }
        for (place, count) in record.places(stage) {
            seen += count;
            let is_so = place.kind == Kind::SoftIrq && !place.irqs_disabled;
            as_claimed += if is_so { count } else { 0 };
        }
        vectors.separate(", ")?;
        emit!(&mut vectors, "{} ({})", vector, name)?;
    }
    // And where the kernel enters them, whatever they are for.
    let testimony = witness.testimony()?;
    let (mut entered, mut entered_so) = (0, 0);
    let mut interrupted = [None; 3];
    for (_, vector) in MECHANISMS {
        for (noted, _) in cpu::online().flat_map(|cpu| testimony.services(cpu, 0, vector)) {
            entered += 1;
            let is_so = noted.at.kind() == Kind::SoftIrq && !noted.at.irqs_disabled;
            entered_so += u64::from(is_so);
            let is_new = |other: &&mut Option<_>| match other {
                Some((pid, _)) => *pid == noted.at.pid,
                None => true,
            };
            if let Some(place) = interrupted.iter_mut().find(is_new) {
                *place = Some((noted.at.pid, noted));
            }
        }
    }
    let mut currents = Text::new();
    for (_, noted) in interrupted.into_iter().flatten() {
        currents.separate(", ")?;
        emit!(&mut currents, "{}/{}", noted.at.comm(), noted.at.pid)?;
    }
    judge!(
        seen > 0 && as_claimed == seen && entered >= seen && entered_so == entered,
        "serving and IF = 1 in {} of {} {} halves: {}; so in {} of {} entries seen; current was {}",
        as_claimed,
        seen,
        stage.name(),
        vectors,
        entered_so,
        entered,
        currents
    )
}
