// SPDX-License-Identifier: GPL-2.0

//! There are interrupt gates, trap gates and task gates.
//!
//! All that is left are interrupt gates: even the handler of a breakpoint, the trap
//! among the exceptions, begins with interrupts off.

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
    exception::Registers,
    idt::{
        self,
        Idt,
        Type, //
    },
};
use kernel::prelude::*;

claim! {
    quote: "there are different types of entries: Interrupt Gate entries, Trap Gate entries, Task Gate entries",
    section: "The IDT and the Activation Scheme",
    today: "on x86-64 all gates are interrupt gates: handlers begin with interrupts off, and put them on again by themselves",
    functions: "idt_setup_traps(), cond_local_irq_enable()",
    control: "counts the breakpoint's gate as a trap gate",
    next: "cat idt",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    const BREAKPOINT: u8 = 3;

    let idt = Idt::current();
    if idt.is_empty() && idt::is_fred() {
        return found(Verdict::Outdated, fmt!("no gates: FRED is in use"));
    }
    let nr_of = |kind: Type| {
        let is_of_it = |vector: u8, found: Type| match vector {
            BREAKPOINT if trial.is_control() => kind == Type::Trap,
            _ => kind == found,
        };
        idt.gates()
            .filter(|gate| is_of_it(gate.vector, gate.kind))
            .count()
    };
    let [tasks, interrupts, traps] = Type::ALL.map(nr_of);
    let mut setting = Setting::new(trial.task)?;
    let trap = setting.attempt(Case::find("breakpoint")?, Kind::Task, 0, None, trial.task)?;
    let (before, inside) = match trap.exception {
        Some(seen) => (
            seen.registers.flags & Registers::IF != 0,
            !seen.at.irqs_disabled,
        ),
        None => return found(Verdict::Fails, fmt!("no breakpoint was seen")),
    };
    let verdict = if tasks > 0 && interrupts > 0 && traps > 0 {
        Verdict::Holds
    } else if interrupts == idt.len() && before && !inside {
        Verdict::Outdated
    } else {
        Verdict::Fails
    };
    found(
        verdict,
        fmt!(
            "{} gates: {} interrupt, {} trap, {} task; breakpoint: IF = {} before, {} in its handler",
            idt.len(),
            interrupts,
            traps,
            tasks,
            u8::from(before),
            u8::from(inside)
        ),
    )
}
