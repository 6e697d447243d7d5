// SPDX-License-Identifier: GPL-2.0

//! IRQ-02: a disabled line's interrupt is not lost.
//!
//! The kernel disables lazily: what arrives meanwhile is marked as pending, and
//! is replayed when the line is enabled. One mark, so one replay.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    counter::Counter,
    refusal::Answer, //
};

pub(super) const CLAIM: Claim = Claim {
    id: "IRQ-02",
    text: "a disabled line's interrupt is not lost",
    control: "the line stays enabled",
    run,
};

/// How many are raised.
const COUNT: u64 = 5;

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
