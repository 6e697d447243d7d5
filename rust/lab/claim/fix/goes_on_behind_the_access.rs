// SPDX-License-Identifier: GPL-2.0

//! After a fixup the register for the error has -EFAULT, that for the value 0,
//! and it goes on behind the access.

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
    exception::Vector,
    fixup::{
        End,
        POISON, //
    },
    symbol::{
        Address,
        Name, //
    }, //
};
use kernel::prelude::*;

claim! {
    quote: "regs->eip = fixup->fixup",
    section: "The Exception Tables, and the recapitulation of get_user()",
    today: "the same result; the fixup code of the text is gone, since 5.17: the type of the entry says which register gets what",
    functions: "fixup_exception(), ex_handler_imm_reg()",
    control: "the page is there",
    next: "echo user_unmapped hardirq > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let case = if trial.is_control() {
        "user_valid"
    } else {
        "user_unmapped"
    };
    let mut setting = Setting::new(trial.task)?;
    let attempt = setting.attempt(Case::find(case)?, Kind::Task, 0, None, trial.task)?;
    let Ok(outcome) = attempt.outcome else {
        return judge!(false, "not tried");
    };
    let Some((seen, entry)) = attempt.exception.zip(attempt.entry()) else {
        return judge!(
            false,
            "{}: no exception; ended with {:?}, value {:#x}",
            case,
            outcome.end,
            outcome.value
        );
    };
    let (ip, before) = (seen.registers.ip, seen.registers);
    judge!(
        seen.vector == Vector::PF
            && seen.address == Some(attempt.address)
            && ip == entry.instruction
            && (before.ax, before.dx) == (0, POISON)
            && outcome.end == End::Error(EFAULT.to_errno())
            && outcome.value == 0
            && outcome.resumed_at == entry.fixup
            && outcome.resumed_at > ip,
        "load from {:#x} at {}: {} with error code {}, saved ip={} ax={:#x} dx={:#x}; entry \
         {}: fixup {}, handler {} {}={} dx=0; then ax={} dx={:#x}, resumed at {} {}",
        attempt.address,
        Name::of(ip).place(),
        seen.vector,
        seen.error_code,
        Address(ip),
        before.ax,
        before.dx,
        Address(entry.at),
        Address(entry.fixup),
        entry.handler,
        entry.register_name(),
        entry.immediate,
        match outcome.end {
            End::Error(errno) => errno,
            _ => 0,
        },
        outcome.value,
        Address(outcome.resumed_at),
        Name::of(outcome.resumed_at).place()
    )
}
