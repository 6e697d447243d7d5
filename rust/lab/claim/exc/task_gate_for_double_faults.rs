// SPDX-License-Identifier: GPL-2.0

//! A task gate serves the double fault.
//!
//! It gave the handler a stack that is good for sure. An entry of the interrupt stack table (IST) does
//! that now, and for others that can come at any time. The NMI is one that can be raised without harm:
//! it shows that the CPU switches to the stack that the gate names.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    context::{
        stack,
        Snapshot,
        StackRegion, //
    },
    exception::Vector,
    idt::{
        self,
        Idt,
        Type, //
    },
    nmi::Sender,
    symbol::Name,
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "The only task gate is referring to the double fault exception, because it denotes a \
            serius kernel misbehaviour. Therefore, exception handler does not trust the value in esp \
            register.",
    section: "The double fault exception",
    today: "on 32 bits still so; x86-64 has no task gates, and has always had an interrupt gate that \
            names an entry of the interrupt stack table",
    functions: "asm_exc_double_fault, exc_double_fault(), tss_setup_ist()",
    control: "looks at the page fault's gate",
    next: "cat idt; echo measure > stacks; cat stacks",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let idt = Idt::current();
    if idt.is_empty() && idt::is_fred() {
        evidence.note(fmt!("no gates: FRED has taken their place"))?;
        return evidence.outdated();
    }
    let double_fault = trial.pick(Vector::DF, Vector::PF);
    let mut nmi_ist = 0;
    for vector in [double_fault, Vector::NMI, Vector::DB, Vector::MC] {
        let Some(gate) = idt.gates().nth(vector.0.into()) else {
            continue;
        };
        let handler = Name::of(gate.handler);
        if gate.kind == Type::Task && vector == double_fault {
            evidence.note(fmt!("{vector}: a task gate"))?;
            return evidence.holds();
        }
        // A kernel without support for machine checks has no handler for them.
        if !handler.function().starts_with("asm_exc_") {
            continue;
        }
        if vector == Vector::NMI {
            nmi_ist = gate.ist;
        }
        let has_stack = gate.ist > 0 && stack::ist_top(gate.ist).is_some();
        evidence.check(
            has_stack && gate.kind == Type::Interrupt,
            fmt!(
                "{vector}: {} gate to {}, IST {}",
                gate.kind,
                handler.function(),
                gate.ist
            ),
        )?;
    }
    let region = Atomic::new(0u32);
    let noted = Sender::new(trial.task)?.call_here(&|_interrupted| {
        region.store(Snapshot::take().stack.into_raw().into(), Relaxed);
    });
    if noted == Err(ETIMEDOUT) {
        skip!("this machine cannot send itself an NMI: none came in 2 s");
    }
    noted?;
    let region = StackRegion::from_raw(region.load(Relaxed) as u8);
    evidence.check(
        region == StackRegion::Ist(nmi_ist),
        fmt!("an NMI came, and ran on stack {region}"),
    )?;
    evidence.outdated()
}
