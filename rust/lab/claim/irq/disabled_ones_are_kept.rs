// SPDX-License-Identifier: GPL-2.0

//! A disabled line's interrupt is not lost.
//!
//! The kernel disables lazily: what arrives meanwhile is marked as pending, and
//! is replayed when the line is enabled. One mark, so one replay.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    counter::Counter,
    refusal::Answer, //
};

claim! {
    quote: "Each IRQ line can be selectively disabled, disabled interrupts are not lost, since the PIC send them to the CPU as soon as they will be re-enabled.",
    section: "IRQs and Inter-Processor Interrupts",
    today: "the kernel keeps it, not the controller: what arrives at a disabled line is marked as pending, once, and replayed when the line is enabled",
    functions: "disable_irq(), irq_can_handle_actions(), enable_irq(), check_irq_resend()",
    control: "the line stays enabled",
    next: "echo 0 > lines/sim1/enabled; echo 5 > lines/sim1/trigger; echo 1 > lines/sim1/enabled; cat lines/sim1/info",
}

/// How many are raised.
const COUNT: u64 = 5;

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let line = trial.line("sim0")?;
    let group = trial.group("sim0")?;
    let lent = group.lend()?;
    let registration = Counter::on(&line)?;
    let runs = || registration.handler().runs();

    let disabled = if trial.is_control() {
        None
    } else {
        Some(registration.disable(trial.task)?)
    };
    for _ in 0..COUNT {
        lent.raise()?;
    }
    if trial.is_control() {
        trial.eventually(2000, || runs() > 0);
    }
    trial.settle();
    let while_disabled = runs();
    let before = line.source.line().nr_interrupts()?;
    drop(disabled);
    trial.eventually(trial.patience_ms(), || runs() > while_disabled);
    trial.settle();
    let replayed = runs() - while_disabled;
    // The kernel counts in its flow handler, which has run without a handler
    // while the line was disabled: the replay is one more of its count.
    let counted = line.source.line().nr_interrupts()? - before;

    judge!(
        while_disabled == 0 && replayed == 1 && counted == 1,
        "{}: raised {} while disabled, ran {}; after enabling ran {} (kernel counted {})",
        line.name,
        COUNT,
        while_disabled,
        replayed,
        counted
    )
}
