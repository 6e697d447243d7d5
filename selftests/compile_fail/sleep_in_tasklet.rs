// SPDX-License-Identifier: GPL-2.0

//! A tasklet has no token of a task to sleep with.

#![forbid(unsafe_code)]

use irqlab::{
    completion::Completion,
    context::SoftIrq,
    tasklet::{
        Handler,
        Kind,
        Tasklet, //
    },
};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

#[pin_data]
struct Waiter {
    #[pin]
    done: Completion,
}

impl Handler<Kind> for Waiter {
    fn run(this: &Tasklet<Self>, softirq: &SoftIrq) {
        // ERROR: E0308 mismatched types
        this.done.wait_ms(softirq, 1);
    }
}
