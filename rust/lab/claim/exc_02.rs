// SPDX-License-Identifier: GPL-2.0

//! EXC-02: a trap saves the address of the next instruction.
//!
//! In the kernel; selftests/user_exceptions does the same in user mode.

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
    fixup::End,
    symbol::Name, //
};

pub(super) const CLAIM: Claim = Claim {
    id: "EXC-02",
    text: "a trap saves the address of the next instruction",
    control: "raises a fault",
    run,
};

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
