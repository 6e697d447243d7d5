// SPDX-License-Identifier: GPL-2.0

//! A trap saves the address of the next instruction.

use crate::{
    claim::prelude::*,
    fixup::{
        Case,
        Setting, //
    },
};
use irqlab::{
    context::Kind,
    fixup::End,
    symbol::Name, //
};

claim! {
    quote: "Traps: are reported immediately after the execution of trapping instruction, eip \
            points to the next instruction after the trapping one",
    section: "Classification",
    today: "the same",
    functions: "asm_exc_int3, exc_int3()",
    control: "raises a fault",
    next: "echo breakpoint task > fixup/access; cat fixup/steps",
}

/// The length of the instruction `int3`, in bytes.
const INT3: usize = 1;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let case = Case::find(trial.pick("breakpoint", "undefined"))?;
    let mut setting = Setting::new(trial.task)?;
    let attempt = setting.attempt(case, Kind::Task, 0, None, trial.task)?;
    let Some((seen, entry)) = attempt.exception.zip(attempt.entry()) else {
        evidence.check(false, fmt!("{}: no exception was seen", case.name))?;
        return evidence.holds();
    };
    evidence.note(fmt!(
        "{} at {}",
        seen.vector,
        Name::of(entry.instruction).place()
    ))?;
    evidence.check(
        seen.registers.ip == entry.instruction + INT3,
        fmt!("saved {}", Name::of(seen.registers.ip).place()),
    )?;
    evidence.check(
        attempt.end() == Some(End::Done),
        fmt!(
            "the handler left {}",
            match attempt.end() {
                Some(End::Done) => "everything as it was",
                _ => "what the fixup says",
            }
        ),
    )?;
    evidence.holds()
}
