// SPDX-License-Identifier: GPL-2.0

//! That interrupts are off is no proof that one may sleep.

#![forbid(unsafe_code)]

use irqlab::{
    completion::Completion,
    context::Task,
    smp, //
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

/// Waits on every CPU.
pub fn wait_everywhere(done: &Completion, task: &Task) {
    smp::call_each(task, |off| {
        // ERROR: E0308 mismatched types
        done.wait_ms(off, 1);
    });
}
