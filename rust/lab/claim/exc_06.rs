// SPDX-License-Identifier: GPL-2.0

//! EXC-06: the IDT has 256 entries, and is found through IDTR.
//!
//! 16 bytes each on x86-64, where there were 8 on 32 bits. That the table is where IDTR
//! says is seen by the handlers in it.

use super::{
    found,
    judge,
    Claim,
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

pub(super) const CLAIM: Claim = Claim {
    id: "EXC-06",
    text: "the IDT has 256 entries and is found through IDTR",
    control: "takes the entries for those of 32 bits, of 8 bytes",
    run,
};

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
    let nr_gates = (usize::from(idt.limit) + 1) / size;
    let nr_handlers = idt
        .gates()
        .take(nr_gates)
        .filter(|gate| gate.is_present && Name::of(gate.handler).as_str().starts_with("asm_"))
        .count();
    judge!(
        nr_gates == 256 && nr_handlers >= 20,
        "IDTR: base {}, limit {:#x}, which is {} gates of {} bytes; {} of them lead to an asm_* entry",
        Address(idt.base),
        idt.limit,
        nr_gates,
        size,
        nr_handlers
    )
}
