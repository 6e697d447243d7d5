// SPDX-License-Identifier: GPL-2.0

//! Vectors are dispatched through the IDT.
//!
//! CPUs with FRED have two entry points for all of them instead, if the kernel says so
//! in CR4.

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
    exception::Vector,
    idt::{
        self,
        Idt, //
    },
    symbol::Name,
};
use kernel::prelude::*;

claim! {
    quote: "read the i entry in the IDT referred by IDTR",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "CPUs with FRED, which Linux supports since 6.9, have one entry point for user mode and one for the kernel instead",
    functions: "idt_setup_traps(), cpu_init_fred_exceptions()",
    control: "looks for the entry of the page fault in another gate",
    next: "cat idt",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let idt = Idt::current();
    let is_fred = idt::is_fred();
    let mut setting = Setting::new(trial.task)?;
    let attempt = setting.attempt(Case::find("guard")?, Kind::Task, 0, None, trial.task)?;
    let Some(seen) = attempt.exception else {
        return found(Verdict::Fails, fmt!("no exception was seen"));
    };
    let gate = match (trial.is_control(), seen.vector) {
        (true, Vector(other)) => Vector(other + 1),
        (false, vector) => vector,
    };
    let handler = idt
        .gates()
        .nth(gate.0.into())
        .map(|gate| Name::of(gate.handler));
    let leads_there = handler
        .as_ref()
        .is_some_and(|name| name.function() == "asm_exc_page_fault");
    let verdict = match (is_fred, leads_there) {
        (true, _) => Verdict::Outdated,
        (false, true) => Verdict::Holds,
        (false, false) => Verdict::Fails,
    };
    found(
        verdict,
        fmt!(
            "CR4.FRED = {}; {} was raised and handled; gate {} leads to {}",
            u8::from(is_fred),
            seen.vector,
            gate.0,
            handler.as_ref().map_or("nothing", Name::function)
        ),
    )
}
