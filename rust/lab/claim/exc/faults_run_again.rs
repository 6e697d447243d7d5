// SPDX-License-Identifier: GPL-2.0

//! A fault saves the address of the faulting instruction, which runs again.
//!
//! That it runs again is seen where the handler has made good what was wrong: the page is there when
//! the same load is tried a second time. The other faults are ended by a fixup, or by the lab.

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
    fixup::End, //
};

claim! {
    quote: "Faults: can generally be corrected, eip is the address that caused the fault so the \
            instruction will be re-executed returning from the Int. Handler",
    section: "Classification",
    today: "the same",
    functions: "asm_exc_page_fault, exc_page_fault(), exc_divide_error(), exc_invalid_op(), \
                exc_general_protection()",
    control: "raises traps",
    next: "echo user_absent task > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.own_user_memory()?;
    let mut setting = Setting::new(trial.task)?;
    for (fault, is_run_again) in [
        ("guard", false),
        ("divide", false),
        ("undefined", false),
        ("user_absent", true),
    ] {
        let name = trial.pick(fault, "breakpoint");
        let attempt = setting.attempt(Case::find(name)?, Kind::Task, 0, None, trial.task)?;
        let Some((seen, entry)) = attempt.exception.zip(attempt.entry()) else {
            evidence.check(false, fmt!("{name}: no exception was seen"))?;
            continue;
        };
        let offset = seen.registers.ip.wrapping_sub(entry.instruction);
        evidence.check(
            offset == 0,
            fmt!(
                "{name}: {} saved the address of its instruction + {offset}",
                seen.vector
            ),
        )?;
        if is_run_again {
            evidence.check(
                attempt.end() == Some(End::Done) && attempt.nr_exceptions == 1,
                fmt!("after {} of them the load succeeded", attempt.nr_exceptions),
            )?;
        }
    }
    // There may be one who has faults go on that have no fixup.
    drop(setting);
    let fault = selector_fault::raise()?;
    let offset = fault.ip.wrapping_sub(fault.made.instruction);
    evidence.check(
        offset == 0,
        fmt!("bad selector: #GP saved the address of its instruction + {offset}"),
    )?;
    evidence.holds()
}
