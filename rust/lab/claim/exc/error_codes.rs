// SPDX-License-Identifier: GPL-2.0

//! Some exceptions push an error code; for the others the stub of the handler pushes 0.
//!
//! So that all handlers find the same frame. The place is the one that a system call's number has.

use super::selector_fault;
use crate::{
    claim::prelude::*,
    fixup::{
        Case,
        Setting, //
    },
};
use irqlab::{
    context::Kind,
    exception::{
        Exception,
        Vector, //
    },
    fixup::{
        instructions::BAD_SELECTOR,
        End, //
    },
};

claim! {
    quote: "push $0, the control unit does not put in the stack the hw error code",
    section: "Exception Handlers",
    today: "the stub pushes -1, which says at the same place that it is no system call, and did so before the \
            names changed in Linux 5.8; an error code that the CPU has pushed is handed to the handler, and \
            then replaced by -1, too",
    functions: "idtentry, idtentry_body of arch/x86/entry/entry_64.S",
    control: "raises #DE, which has no error code, each time",
    next: "echo guard_write task > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const WRITE: u64 = 2;

    trial.own_user_memory()?;
    let mut setting = Setting::new(trial.task)?;
    let mut raise = |name: &str| -> Answer<(Option<Exception>, Option<End>)> {
        let attempt = setting.attempt(Case::find(name)?, Kind::Task, 0, None, trial.task)?;
        Ok((attempt.exception, attempt.end()))
    };
    let (page_fault, end) = raise(trial.pick("guard_write", "divide"))?;
    let (divide, _) = raise("divide")?;
    drop(setting);
    let (Some(page_fault), Some(divide)) = (page_fault, divide) else {
        evidence.check(false, fmt!("an exception was not seen"))?;
        return evidence.holds();
    };
    evidence.check(
        page_fault.vector == Vector::PF && page_fault.error_code == WRITE,
        fmt!(
            "{} of a write: the handler got {:#x}",
            page_fault.vector,
            page_fault.error_code
        ),
    )?;
    // Had the error code been left on the stack, IRET would have taken it for the address to go on at.
    evidence.check(
        end == Some(End::Error(EFAULT.to_errno())),
        fmt!("which was off the stack when it went on: at the fixup"),
    )?;
    let (name, error_code) = match trial.pick(true, false) {
        true => (Vector::GP, selector_fault::raise()?.error_code),
        false => (divide.vector, divide.error_code),
    };
    evidence.check(
        error_code == u64::from(BAD_SELECTOR),
        fmt!("{name} by the selector {BAD_SELECTOR:#x}: the handler got {error_code:#x}"),
    )?;
    let pushed = divide.registers.orig_ax as i64;
    evidence.check(
        pushed == 0 || pushed == -1,
        fmt!(
            "{}, which has none: the stub pushed {pushed}",
            divide.vector
        ),
    )?;
    match pushed {
        0 => evidence.holds(),
        _ => evidence.outdated(),
    }
}
