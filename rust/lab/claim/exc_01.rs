// SPDX-License-Identifier: GPL-2.0

//! EXC-01: a fault saves the address of the faulting instruction, which runs again.
//!
//! In the kernel, with a fixup where it does not come right by itself: the absent page
//! is what the same instruction finds when it runs again. selftests/user_exceptions does the
//! same in user mode.

use super::{
    judge,
    Claim,
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
    fixup::End,
    text::Text, //
};

pub(super) const CLAIM: Claim = Claim {
    id: "EXC-01",
    text: "a fault saves the address of the faulting instruction, which runs again on return",
    control: "raises a trap each time",
    run,
};

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    // Whether the exception is reported, and the instruction succeeds in the end.
    let cases = [
        ("guard", true, false),
        ("divide", true, false),
        ("undefined", true, false),
        // Not reported, but the table is searched by what was saved.
        ("by_fault_gp", false, false),
        ("user_absent", true, true),
    ];
    let mut setting = Setting::new(trial.task)?;
    let mut evidence = Text::new();
    let mut is_as_claimed = true;
    for (name, is_reported, is_run_again) in cases {
        let name = if trial.is_control() {
            "breakpoint"
        } else {
            name
        };
        let attempt = setting.attempt(Case::find(name)?, Kind::Task, 0, None, trial.task)?;
        let instruction = attempt.entry().map(|entry| entry.instruction);
        let saved = attempt.exception.map(|seen| seen.registers.ip);
        let saves_it = instruction.is_some() && (saved == instruction || !is_reported);
        let has_run = attempt.end() == Some(End::Done);
        is_as_claimed &= saves_it && has_run == is_run_again;
        evidence.separate("; ")?;
        match (saved, instruction) {
            (Some(saved), Some(instruction)) => emit!(
                &mut evidence,
                "{}: saved instruction + {}{}",
                name,
                saved.wrapping_sub(instruction),
                if has_run { ", then it succeeded" } else { "" }
            )?,
            (None, Some(_)) => emit!(&mut evidence, "{}: its entry was found", name)?,
            _ => emit!(&mut evidence, "{}: no entry", name)?,
        }
    }
    judge!(
        is_as_claimed,
        "in the kernel: {}; in user mode: selftests/user_exceptions",
        evidence
    )
}
