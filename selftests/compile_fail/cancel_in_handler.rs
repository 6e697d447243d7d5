// SPDX-License-Identifier: GPL-2.0

//! A timer cannot wait for itself: its handler has no token of a task to do so with.

#![forbid(unsafe_code)]

use irqlab::{
    context::SoftIrq,
    timer::{
        Handler,
        Kind,
        Timer, //
    },
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

struct Impatient;

impl Handler<Kind> for Impatient {
    fn run(this: &Timer<Self>, softirq: &SoftIrq) {
        // ERROR: E0308 mismatched types
        let _ = this.cancel(softirq);
    }
}
