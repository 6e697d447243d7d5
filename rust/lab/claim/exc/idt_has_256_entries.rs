// SPDX-License-Identifier: GPL-2.0

//! The IDT has 256 entries, and is found through IDTR.
//!
//! 16 bytes each on x86-64, where there were 8 on 32 bits. That the table is where IDTR
//! says is seen by the handlers in it.

use crate::claim::{
    claim,
    found,
    judge,
    Finding,
    Trial,
    Verdict, //
};
use crate::refusal::Answer;
use irqlab::{
    idt::{
        self,
        Idt, //
    },
    symbol::{
        Address,
        Name, //
    }, //
};
use kernel::prelude::*;

claim! {
    quote: "each entry of the table corresponds to an interrupt or exception vector and consists of 8-byte descriptor (on x86 or 16-byte on x86_64). Thus we need 256*8=2048 bytes to store the table. The IDT is pointed by the IDTR register so it can be anywhere in memory",
    section: "The IDT and the Activation Scheme",
    today: "the same, with 16 bytes an entry: 4096 bytes",
    functions: "idt_setup_early_traps(), load_idt()",
    control: "takes the entries for those of 32 bits, of 8 bytes",
    next: "cat idt",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    const SIZE_ON_32_BITS: usize = 8;

    let idt = Idt::current();
    if idt.is_empty() && idt::is_fred() {
        return found(Verdict::Outdated, fmt!("no IDT: FRED is in use"));
    }
    let size = if trial.is_control() {
        SIZE_ON_32_BITS
    } else {
        Idt::GATE_SIZE
    };
    let nr_gates = (usize::from(idt.limit()) + 1) / size;
    let nr_handlers = idt
        .gates()
        .take(nr_gates)
        .filter(|gate| gate.is_present && Name::of(gate.handler).as_str().starts_with("asm_"))
        .count();
    judge!(
        nr_gates == 256 && nr_handlers >= 20,
        "IDTR: base {}, limit {:#x}, which is {} gates of {} bytes; {} of them lead to an asm_* entry",
        Address(idt.base()),
        idt.limit(),
        nr_gates,
        size,
        nr_handlers
    )
}
