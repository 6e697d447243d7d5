// SPDX-License-Identifier: GPL-2.0

//! SS and ESP are saved only when the privilege changes.
//!
//! An exception in kernel mode does not change it: what was saved is compared with what was there.

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
    segment,
    symbol::Address, //
};

claim! {
    quote: "If CPL is different from segment DPL (there is a context switch) [...] In this new stack, the \
            old SS and ESP are saved",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "on 32 bits still so; in 64-bit mode the CPU always saves SS and RSP, and begins at an address \
            that 16 divides",
    functions: "asm_exc_general_protection, struct pt_regs",
    control: "compares with what another exception has saved, elsewhere on the stack",
    next: "echo undefined task > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let elsewhere = {
        let mut setting = Setting::new(trial.task)?;
        let case = Case::find("undefined")?;
        let attempt = setting.attempt(case, Kind::Task, 0, None, trial.task)?;
        attempt.exception.map_or(0, |seen| seen.registers.sp)
    };
    let fault = selector_fault::raise()?;
    let (sp, ss) = (trial.pick(fault.sp, elsewhere), segment::stack_segment());
    evidence.note(fmt!(
        "#GP in kernel mode: SP was {}, SS {ss:#x}",
        Address(fault.made.sp)
    ))?;
    if sp != fault.made.sp && fault.ss != ss && !trial.is_control() {
        evidence.note(fmt!("neither was saved"))?;
        return evidence.holds();
    }
    evidence.check(sp == fault.made.sp, fmt!("saved SP {}", Address(sp)))?;
    evidence.check(fault.ss == ss, fmt!("saved SS {:#x}", fault.ss))?;
    evidence.outdated()
}
