// SPDX-License-Identifier: GPL-2.0

//! A task gate serves the double fault.
//!
//! It gave the handler a stack that is good for sure. An entry of the interrupt stack
//! table does that now, and for others that can come at any time.

use crate::claim::{
    claim,
    found,
    Finding,
    Trial,
    Verdict, //
};
use crate::refusal::Answer;
use irqlab::{
    context::stack,
    emit,
    exception::Vector,
    idt::{
        self,
        Idt,
        Type, //
    },
    symbol::{
        Address,
        Name, //
    },
    text::Text,
};
use kernel::prelude::*;

claim! {
    quote: "The only task gate is referring to the double fault exception, because it denotes a serius kernel misbehaviour. Therefore, exception handler does not trust the value in esp register",
    section: "The double fault exception",
    today: "on 32 bits only; x86-64 has no task gates: the gate names an entry of the interrupt stack table",
    functions: "asm_exc_double_fault, exc_double_fault(), tss_setup_ist()",
    control: "looks at the page fault's gate instead",
    next: "cat idt; cat stacks",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let idt = Idt::current();
    if idt.is_empty() && idt::is_fred() {
        return found(Verdict::Outdated, fmt!("no gates: FRED is in use"));
    }
    let double_fault = if trial.is_control() {
        Vector::PF
    } else {
        Vector::DF
    };
    let mut evidence = Text::new();
    let (mut nr_own, mut nr_served, mut is_task) = (0, 0, false);
    let vectors = [double_fault, Vector::NMI, Vector::DB, Vector::MC];
    for vector in vectors {
        let Some(gate) = idt.gates().nth(vector.0.into()) else {
            continue;
        };
        let handler = Name::of(gate.handler);
        // A kernel without support for machine checks has no handler for them.
        if !handler.function().starts_with("asm_exc_") {
            continue;
        }
        nr_served += 1;
        is_task |= gate.kind == Type::Task && vector == double_fault;
        let top = match gate.ist {
            0 => None,
            ist => stack::ist_top(ist),
        };
        nr_own += usize::from(top.is_some() && gate.kind == Type::Interrupt);
        evidence.separate("; ")?;
        emit!(
            &mut evidence,
            "{}: {} gate to {}, IST {}, stack from {} down",
            vector,
            gate.kind,
            handler.function(),
            gate.ist,
            Address(top.unwrap_or(0))
        )?;
    }
    let verdict = if is_task {
        Verdict::Holds
    } else if nr_own == nr_served && nr_served > 2 {
        Verdict::Outdated
    } else {
        Verdict::Fails
    };
    found(verdict, fmt!("{}", evidence))
}
