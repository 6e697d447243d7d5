// SPDX-License-Identifier: GPL-2.0

//! A fault saves the address of the faulting instruction, which runs again.
//!
//! In the kernel, with a fixup where it does not come right by itself: the absent page
//! is what the same instruction finds when it runs again. selftests/user_exceptions does the
//! same in user mode.

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
    fixup::End,
    text::Text, //
};

claim! {
    quote: "Faults: can generally be corrected, eip is the address that caused the fault so the instruction will be re-executed returning from the Int. Handler",
    section: "Classification",
    today: "the same",
    functions: "asm_exc_page_fault, exc_page_fault(), exc_divide_error(), exc_invalid_op()",
    control: "raises a trap each time",
    next: "echo user_absent task > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
