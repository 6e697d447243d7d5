// SPDX-License-Identifier: GPL-2.0

//! The IDT has 256 entries, and is found through IDTR.
//!
//! That the table is where IDTR says is seen by the handlers in it; that the CPU goes by it is
//! EXC-10's.

use crate::claim::prelude::*;
use irqlab::{
    idt::{
        self,
        Idt, //
    },
    symbol::{
        Address,
        Name, //
    },
};

claim! {
    quote: "each entry of the table corresponds to an interrupt or exception vector and consists of \
            8-byte descriptor (on x86 or 16-byte on x86_64). Thus we need 256*8=2048 bytes to store \
            the table. The IDT is pointed by the IDTR register so it can be anywhere in memory.",
    section: "The IDT and the Activation Scheme",
    today: "the same; at 16 bytes an entry it is 4096 bytes, which is one page, mapped read-only since \
            Linux 3.10",
    functions: "load_idt(), idt_map_in_cea()",
    control: "looks where GDTR points, at the table of segments",
    next: "cat idt",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    /// Exceptions that the architecture has defined for long, and that have a handler.
    const FEWEST: usize = 16;

    let table = match trial.pick(true, false) {
        true => Idt::current(),
        false => Idt::of_segments(),
    };
    if table.is_empty() && idt::is_fred() {
        evidence.note(fmt!("no IDT: FRED has taken its place"))?;
        return evidence.outdated();
    }
    evidence.check(
        table.len() == 256,
        fmt!(
            "a table at {}, whose limit {:#x} makes {} entries of {} bytes",
            Address(table.base()),
            table.limit(),
            table.len(),
            Idt::GATE_SIZE
        ),
    )?;
    let nr_exceptions = table
        .gates()
        .take(32)
        .filter(|gate| gate.is_present && Name::of(gate.handler).as_str().starts_with("asm_exc_"))
        .count();
    evidence.check(
        nr_exceptions >= FEWEST,
        fmt!("of the first 32, which are for exceptions, {nr_exceptions} lead to a function asm_exc_*"),
    )?;
    evidence.holds()
}
