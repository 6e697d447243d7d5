// SPDX-License-Identifier: GPL-2.0

//! An exception handler never preempts an interrupt handler.
//!
//! It meant that interrupt handlers do not fault. They may, where there is a fixup.

use crate::claim::{
    claim,
    found,
    Finding,
    Trial,
    Verdict, //
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
use kernel::prelude::*;

claim! {
    quote: "an exception handler never preempts an interrupt handler, the only “exception” is the Page Fault, but Interrupt Handlers never performs operations that gives rise to page faults",
    section: "nested execution of Ex./Int. Handlers",
    today: "an interrupt handler may fault where the instruction has an entry in the exception table",
    functions: "fixup_exception(), copy_from_user_nofault()",
    control: "all faults are a task's",
    next: "echo all > fixup/access; cat fixup/access",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut setting = Setting::new(trial.task)?;
    let mut evidence = Text::new();
    let (mut nr_inside, mut nr_recovered) = (0, 0);
    let kinds = [Kind::SoftIrq, Kind::HardIrq, Kind::Nmi];
    for kind in kinds {
        let context = if trial.is_control() { Kind::Task } else { kind };
        let case = Case::find("guard")?;
        let attempt = setting.attempt(case, context, 0, None, trial.task)?;
        let Some(seen) = attempt.exception else {
            continue;
        };
        let is_recovered = attempt.end() == Some(End::Error(EFAULT.to_errno()));
        nr_inside += usize::from(seen.at.kind() == kind);
        nr_recovered += usize::from(is_recovered);
        evidence.separate("; ")?;
        emit!(
            &mut evidence,
            "in {} context: {} handled with softirq {}, hardirq {}, nmi {} active, {}",
            context,
            seen.vector,
            u8::from(seen.at.is_serving_softirq()),
            seen.at.hardirq_depth(),
            seen.at.nmi_depth(),
            if is_recovered { "recovered" } else { "?" }
        )?;
    }
    let verdict = if nr_inside == kinds.len() && nr_recovered == kinds.len() {
        Verdict::Outdated
    } else {
        Verdict::Fails
    };
    found(verdict, fmt!("{}", evidence))
}
