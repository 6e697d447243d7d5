// SPDX-License-Identifier: GPL-2.0

//! A disabled line's interrupt is not lost.
//!
//! The kernel disables lazily: the first interrupt still arrives, is marked as pending, and has the line
//! masked. It is replayed when the line is enabled. One mark, so one replay.

use crate::{
    claim::prelude::*,
    counter::Counter, //
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

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let line = trial.line("sim0")?;
    let group = trial.group("sim0")?;
    let reserved = group.reserve()?;
    let registration = Counter::on(&line)?;
    let irq_line = line.source.line();
    let runs = || registration.handler().runs();
    let before = irq_line.nr_interrupts()?;

    let disabled = match trial.pick(true, false) {
        true => Some(registration.disable(trial.task)?),
        false => None,
    };
    for _ in 0..COUNT {
        reserved.raise()?;
    }
    let is_masked = || irq_line.info().is_ok_and(|info| info.is_masked);
    trial.come("an interrupt of sim0", || is_masked() || runs() > 0)?;
    let (arrived, while_disabled) = (is_masked(), runs());
    drop(disabled);
    if !trial.is_control() {
        trial.come("what was kept", || runs() > while_disabled)?;
    }
    trial.settle();
    // The kernel counts what it has handlers called for: the replay alone.
    let counted = irq_line.nr_interrupts()? - before;

    evidence.note(fmt!(
        "sim0 {}, and was raised {COUNT} times",
        trial.pick("was disabled", "stayed enabled")
    ))?;
    evidence.check(
        arrived,
        fmt!(
            "the controller has it {}",
            if arrived { "masked" } else { "unmasked" }
        ),
    )?;
    evidence.check(
        while_disabled == 0,
        fmt!("its handler ran {while_disabled} times"),
    )?;
    let replayed = runs() - while_disabled;
    evidence.check(
        replayed == 1,
        fmt!(
            "{}, it ran {replayed} times",
            trial.pick("once enabled again", "later")
        ),
    )?;
    evidence.check(
        counted == 1,
        fmt!("/proc/interrupts counted {counted} in all"),
    )?;
    evidence.holds()
}
