// SPDX-License-Identifier: GPL-2.0

//! Fixups serve more exceptions than page faults.

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
    fixup::End, //
};

claim! {
    quote: "(beyond the text, which has only page faults)",
    section: "The Exception Tables",
    today: "also #GP, #UD, #DE, and reading or writing an MSR that is not there",
    functions: "exc_general_protection(), exc_invalid_op(), exc_divide_error(), ex_handler_msr()",
    control: "all of the accesses are page faults",
    next: "echo divide nmi > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.own_user_memory()?;
    let trap = |vector: Vector| End::Trapped(vector.0);
    let eio = End::Error(EIO.to_errno());
    let mut setting = Setting::new(trial.task)?;
    for (name, expected) in [
        ("by_fault_gp", trap(Vector::GP)),
        ("undefined", trap(Vector::UD)),
        ("divide", trap(Vector::DE)),
        ("rdmsr", eio),
        ("wrmsr", eio),
    ] {
        let name = trial.pick(name, "by_fault");
        let attempt = setting.attempt(Case::find(name)?, Kind::Task, 0, None, trial.task)?;
        let end = attempt.end();
        // Some hypervisors have every MSR that one may ask for.
        if name.ends_with("msr") && end == Some(End::Done) {
            evidence.note(fmt!("{name}: no exception, on this hypervisor"))?;
            continue;
        }
        let is_so = end == Some(expected);
        match end {
            Some(End::Trapped(vector)) => {
                evidence.check(is_so, fmt!("{name}: the fixup says {}", Vector(vector)))?
            }
            Some(End::Error(errno)) => {
                evidence.check(is_so, fmt!("{name}: the fixup says {errno}"))?
            }
            _ => evidence.check(false, fmt!("{name}: no exception"))?,
        }
    }
    evidence.holds()
}
