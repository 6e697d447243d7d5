// SPDX-License-Identifier: GPL-2.0

//! A programmed exception through a gate with DPL < CPL is a general
//! protection fault.
//!
//! What the gates permit is read here; that `int $n` in user mode then gets what they
//! say is seen by selftests/user_exceptions.

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
    emit,
    idt::Idt,
    text::Text, //
};
use kernel::prelude::*;

claim! {
    quote: "If programmed exception and if gate DPL < CPL -> General Protection Error",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "the same; user mode may use the gates of a breakpoint, an overflow, and, where the kernel runs 32-bit programs, 0x80",
    functions: "idt_setup_traps(), exc_general_protection()",
    control: "takes the breakpoint's gate for one that is not permitted",
    next: "cat idt",
}

/// Gates that user mode may use: a breakpoint, an overflow, and the system call of
/// 32-bit programs, if the kernel has it.
const BREAKPOINT: u8 = 3;
const OVERFLOW: u8 = 4;
const SYSCALL: u8 = 0x80;

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let idt = Idt::current();
    if idt.is_empty() {
        // FRED has a bit for each permitted vector in its stead.
        return found(Verdict::Outdated, fmt!("no IDT: FRED is in use"));
    }
    let mut permitted = Text::new();
    let (mut nr_permitted, mut nr_wrong) = (0, 0);
    for gate in idt.gates() {
        let is_permitted = gate.dpl == 3;
        let is_meant_to_be = match gate.vector {
            BREAKPOINT => Some(!trial.is_control()),
            OVERFLOW => Some(true),
            SYSCALL => None,
            _ => Some(false),
        };
        nr_wrong += u64::from(is_meant_to_be.is_some_and(|meant| meant != is_permitted));
        if is_permitted {
            nr_permitted += 1;
            emit!(&mut permitted, " {:#x}", gate.vector)?;
        }
    }
    judge!(
        nr_wrong == 0,
        "user mode may use gates{} ({} of {} have DPL 3), {} not as expected; what int $n gives there: \
         selftests/user_exceptions",
        permitted,
        nr_permitted,
        idt.len(),
        nr_wrong
    )
}
