// SPDX-License-Identifier: GPL-2.0

//! Fixups serve more exceptions than page faults.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    fixup::{
        Case,
        Setting, //
    },
    refusal::Answer,
};
use irqlab::{
    context::Kind,
    emit,
    exception::Vector,
    fixup::End,
    text::Text, //
};
use kernel::prelude::*;

claim! {
    quote: "(beyond the text, which has only page faults)",
    section: "The Exception Tables",
    today: "also #GP, #UD, #DE, and reading an MSR that is not there",
    functions: "exc_general_protection(), exc_invalid_op(), exc_divide_error(), ex_handler_msr()",
    control: "all of the accesses are page faults",
    next: "echo divide nmi > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let trap = |vector: Vector| End::Trapped(vector.0);
    let eio = End::Error(EIO.to_errno());
    let cases = [
        ("by_fault_gp", trap(Vector::GP)),
        ("undefined", trap(Vector::UD)),
        ("divide", trap(Vector::DE)),
        ("rdmsr", eio),
        ("wrmsr", eio),
    ];
    let mut setting = Setting::new(trial.task)?;
    let mut evidence = Text::new();
    let mut is_as_claimed = true;
    for (name, expected) in cases {
        let name = if trial.is_control() { "by_fault" } else { name };
        let attempt = setting.attempt(Case::find(name)?, Kind::Task, 0, None, trial.task)?;
        // Some hypervisors have every MSR that one may ask for.
        let has_msr = name.ends_with("msr") && attempt.end() == Some(End::Done);
        is_as_claimed &= attempt.end() == Some(expected) || has_msr;
        evidence.separate(", ")?;
        emit!(&mut evidence, "{}: ", name)?;
        match attempt.end() {
            Some(End::Trapped(vector)) => {
                emit!(&mut evidence, "the fixup says {}", Vector(vector))?
            }
            Some(End::Error(errno)) => emit!(&mut evidence, "the fixup says {}", errno)?,
            _ => emit!(&mut evidence, "no exception")?,
        }
    }
    judge!(is_as_claimed, "{}", evidence)
}
