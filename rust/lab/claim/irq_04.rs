// SPDX-License-Identifier: GPL-2.0

//! IRQ-04: handlers run with interrupts disabled.
//!
//! All of them do: the class of handlers that ran with interrupts enabled is
//! gone from Linux. The primary handler of a threaded interrupt is no exception.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    record::{
        Place,
        Stage, //
    },
    refusal::Answer, //
};
use irqlab::{
    completion::Waited,
    context::Kind,
    emit,
    text::Text, //
};

pub(super) const CLAIM: Claim = Claim {
    id: "IRQ-04",
    text: "handlers run with interrupts disabled",
    control: "looks at the bottom halves instead",
    run,
};

/// Events for each line and mechanism.
const COUNT: u64 = 20;

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
        for mechanism in &trial.lab.mechanisms {
            let _attachment = lent.attach(mechanism)?;
            let record = mechanism.record();
            record.clear();
            for _ in 0..COUNT {
                record.raised();
                lent.raise()?;
                if record.wait_ms(trial.task, 200) != Waited::Completed {
                    return judge!(false, "{}: {}: an event was lost", name, mechanism.name());
                }
            }
            for (place, count) in record.places(stage) {
                seen += count;
                as_claimed += if is_off(place) { count } else { 0 };
            }
        }
        let separator = if lines.is_empty() { "" } else { ", " };
        emit!(&mut lines, "{}{} ({})", separator, name, lent.source.kind())?;
    }
    judge!(
        seen > 0 && as_claimed == seen,
        "IF = 0 in hard IRQ context in {} of {} {} halves, all mechanisms, on {}",
        as_claimed,
        seen,
        stage.name(),
        lines
    )
}
