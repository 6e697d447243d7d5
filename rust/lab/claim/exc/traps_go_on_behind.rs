// SPDX-License-Identifier: GPL-2.0

//! A trap saves the address of the next instruction.
//!
//! In the kernel; selftests/user_exceptions does the same in user mode.

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
    fixup::End,
    symbol::Name, //
};

claim! {
    quote: "Traps: are reported immediately after the execution of trapping instruction, eip points to the next instruction after the trapping one",
    section: "Classification",
    today: "the same",
    functions: "asm_exc_int3, exc_int3()",
    control: "raises a fault",
    next: "echo breakpoint task > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let case = if trial.is_control() {
        "undefined"
    } else {
        "breakpoint"
    };
    let mut setting = Setting::new(trial.task)?;
    let attempt = setting.attempt(Case::find(case)?, Kind::Task, 0, None, trial.task)?;
    let (Some(seen), Some(entry)) = (attempt.exception, attempt.entry()) else {
        return judge!(false, "{}: no exception was seen", case);
    };
    judge!(
        seen.registers.ip == entry.instruction + 1 && attempt.end() == Some(End::Done),
        "in the kernel: {} {} at {}, saved {}; in user mode: selftests/user_exceptions",
        case,
        seen.vector,
        Name::of(entry.instruction).place(),
        Name::of(seen.registers.ip).place()
    )
}
