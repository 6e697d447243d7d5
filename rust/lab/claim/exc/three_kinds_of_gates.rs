// SPDX-License-Identifier: GPL-2.0

//! There are interrupt gates, trap gates and task gates.
//!
//! All that is left are interrupt gates: even the handler of a breakpoint, the trap among the
//! exceptions, begins with interrupts off.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    fixup::{
        Case,
        Setting, //
    },
};
use irqlab::{
    context::Kind,
    exception::Registers,
    idt::{
        self,
        Idt,
        Type, //
    },
};

claim! {
    quote: "there are different types of entries: Interrupt Gate entries, Trap Gate entries, Task \
            Gate entries",
    section: "The IDT and the Activation Scheme",
    today: "on x86-64 Linux has always had interrupt gates only; those handlers that may be \
            interrupted turn interrupts on by themselves. Task gates do not exist in 64-bit mode",
    functions: "idt_setup_traps(), cond_local_irq_enable()",
    control: "takes the table of segments for the one of gates",
    next: "cat idt",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let table = match trial.pick(true, false) {
        true => Idt::current(),
        false => Idt::of_segments(),
    };
    if table.is_empty() && idt::is_fred() {
        evidence.note(fmt!("no gates: FRED has taken their place"))?;
        return evidence.outdated();
    }
    let nr_of = |kind| table.gates().filter(|gate| gate.kind == kind).count();
    let [tasks, interrupts, traps] = Type::ALL.map(nr_of);
    let is_as_in_text = tasks > 0 && interrupts > 0 && traps > 0;
    evidence.check(
        interrupts == table.len() || is_as_in_text,
        fmt!(
            "{} entries: {interrupts} interrupt gates, {traps} trap gates, {tasks} task gates",
            table.len()
        ),
    )?;
    if is_as_in_text {
        return evidence.holds();
    }
    let mut setting = Setting::new(trial.task)?;
    let trap = setting.attempt(Case::find("breakpoint")?, Kind::Task, 0, None, trial.task)?;
    let Some(seen) = trap.exception else {
        skip!("no breakpoint was seen: somebody else has taken it");
    };
    let is_on_before = seen.registers.flags & Registers::IF != 0;
    evidence.check(
        is_on_before && seen.at.irqs_disabled,
        fmt!(
            "a breakpoint: IF = {} before, {} in its handler",
            u8::from(is_on_before),
            u8::from(!seen.at.irqs_disabled)
        ),
    )?;
    evidence.outdated()
}
