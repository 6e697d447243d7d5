// SPDX-License-Identifier: GPL-2.0

//! After a fixup the register for the error has -EFAULT, that for the value 0, and it goes on behind the
//! access.

use crate::{
    claim::prelude::*,
    fixup::{
        Case,
        Setting, //
    },
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
    },
};

claim! {
    quote: "EAX becomes -EFAULT (== -14). DL becomes zero (the value we read from user space). execution \
            continues at local label 2 (address of the instruction immediately after the faulting user \
            access).",
    section: "RECAP Fixup activation steps",
    today: "the same result; the fixup code of the text is gone since Linux 5.17: the type of the entry says \
            which register gets what",
    functions: "fixup_exception(), ex_handler_imm_reg()",
    control: "the page is there",
    next: "echo user_unmapped hardirq > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.own_user_memory()?;
    let case = Case::find(trial.pick("user_unmapped", "user_valid"))?;
    let mut setting = Setting::new(trial.task)?;
    let attempt = setting.attempt(case, Kind::Task, 0, None, trial.task)?;
    let outcome = attempt.outcome?;
    let Some((seen, entry)) = attempt.exception.zip(attempt.entry()) else {
        evidence.check(
            false,
            fmt!("a load gave {:#x}, without an exception", outcome.value),
        )?;
        return evidence.holds();
    };
    let (ip, before) = (seen.registers.ip, seen.registers);
    evidence.check(
        seen.vector == Vector::PF && seen.address == Some(attempt.address),
        fmt!(
            "a load from {}: {} with error code {}",
            Address(attempt.address),
            seen.vector,
            seen.error_code
        ),
    )?;
    evidence.check(
        ip == entry.instruction && (before.ax, before.dx) == (0, POISON),
        fmt!(
            "saved IP {}, AX {:#x}, DX {:#x}",
            Name::of(ip).place(),
            before.ax,
            before.dx
        ),
    )?;
    evidence.note(fmt!(
        "the entry's handler is {}, {} = {}, DX = 0",
        entry.handler,
        entry.register_name(),
        entry.immediate
    ))?;
    let error = match outcome.end {
        End::Error(errno) => errno,
        _ => 0,
    };
    evidence.check(
        error == EFAULT.to_errno() && outcome.value == 0,
        fmt!("then AX {error}, DX {:#x}", outcome.value),
    )?;
    evidence.check(
        outcome.resumed_at == entry.fixup && outcome.resumed_at > ip,
        fmt!("went on at {}", Name::of(outcome.resumed_at).place()),
    )?;
    evidence.holds()
}
