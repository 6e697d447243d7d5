// SPDX-License-Identifier: GPL-2.0

//! A double fault has error code 0, and cannot be recovered.
//!
//! It says so itself, on the console, and that is the end: in this experiment there is nobody left to
//! give the verdict but the guest's runner (`tools/test crash`). The control has a stack that is there,
//! and goes on.

use crate::claim::{
    prelude::*,
    skip_dangerous, //
};
use irqlab::{
    dangerous::{
        self,
        Stack, //
    },
    fixup::Island,
    symbol::Address,
};

claim! {
    quote: "A double fault will always generate an error code with a value of zero. The saved \
            instruction pointer is undefined. A double fault cannot be recovered. The faulting \
            process must be terminated",
    section: "The double fault exception",
    today: "the same, and it is the machine that ends, by a panic; but for one case since Linux 3.16: \
            the return to user mode through a stack of 16-bit segments, which espfix64 makes a general \
            protection fault of",
    functions: "exc_double_fault()",
    control: "the stack is there",
    next: "cat idt",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    skip_dangerous!(
        trial,
        "EXC-09",
        "makes the kernel report 'PANIC: double fault, error_code: 0x0'"
    );
    let island = Island::new()?;
    let stack = trial.pick(Stack::Missing(&island), Stack::There(&island));
    dangerous::push(stack);
    evidence.check(
        false,
        fmt!(
            "a push below {} went well: there was no double fault",
            Address(stack.top())
        ),
    )?;
    evidence.holds()
}
