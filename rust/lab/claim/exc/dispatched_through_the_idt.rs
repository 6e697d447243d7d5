// SPDX-License-Identifier: GPL-2.0

//! Vectors are dispatched through the IDT.
//!
//! The same instruction is executed twice: with the kernel's table, and with a copy in which the gate
//! of its exception is that of another one. Who handles it then goes by the table. CPUs with FRED
//! (flexible return and event delivery) have two entry points for all vectors instead, if the kernel
//! says so in CR4.

use crate::claim::prelude::*;
use irqlab::{
    exception::Vector,
    fixup::{
        instructions,
        End, //
    },
    idt::{
        self,
        Change,
        Idt, //
    },
    symbol::Name,
};

claim! {
    quote: "read the i entry in the IDT referred by IDTR",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "the same; CPUs that have FRED, which Linux uses since 6.9, have one entry point for user \
            mode and one for the kernel instead",
    functions: "idt_setup_traps(), load_idt(), cpu_init_fred_exceptions()",
    control: "the copy has the gate of another vector changed",
    next: "cat idt",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if idt::is_fred() {
        evidence.note(fmt!("CR4.FRED = 1: no table is read"))?;
        return evidence.outdated();
    }
    let vector_of = |end| match end {
        End::Trapped(vector) => Vector(vector),
        _ => Vector(u8::MAX),
    };
    let gate = |vector: Vector| {
        let gate = Idt::current().gates().nth(vector.0.into());
        Name::of(gate.map_or(0, |gate| gate.handler))
    };
    let direct = vector_of(instructions::undefined().end);
    evidence.check(
        direct == Vector::UD,
        fmt!(
            "UD2 with gate 6 to {}: handled as {direct}",
            gate(Vector::UD).function()
        ),
    )?;
    let changed = trial.pick(Vector::UD, Vector::BR);
    let redirected = vector_of(idt::undefined_by_copy(Change::Handler(changed), trial.task)?.end);
    evidence.check(
        redirected == Vector::OF,
        fmt!(
            "UD2 with IDTR at a copy, with gate {} to {}: handled as {redirected}",
            changed.0,
            gate(Vector::OF).function()
        ),
    )?;
    evidence.holds()
}
