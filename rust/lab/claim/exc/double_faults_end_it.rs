// SPDX-License-Identifier: GPL-2.0

//! A double fault has error code 0, and cannot be recovered.
//!
//! It says so itself, on the console, and that is the end: in this experiment there is
//! nobody left to give the verdict but the guest's runner (`tools/test crash`). The
//! control has a stack that is there, and goes on.

use crate::claim::{
    claim,
    judge,
    skip_dangerous,
    Finding,
    Trial, //
};
use crate::refusal::Answer;
use irqlab::{
    dangerous,
    fixup::{
        address::PAGE_SIZE,
        Island, //
    },
    symbol::Address,
};

claim! {
    quote: "A double fault will always generate an error code with a value of zero. The saved instruction pointer is undefined. A double fault cannot be recovered",
    section: "The double fault exception",
    today: "the same: the kernel panics",
    functions: "exc_double_fault()",
    control: "the stack is there",
    next: "cat idt",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    skip_dangerous!(trial, "EXC-09", "PANIC: double fault, error_code: 0x0");
    let island = Island::new()?;
    let top = if trial.is_control() {
        island.inside(PAGE_SIZE / 2)
    } else {
        island.guard(PAGE_SIZE / 2)
    };
    dangerous::push(&top);
    judge!(
        false,
        "a push below {} went well: there was no double fault",
        Address(top.as_raw())
    )
}
