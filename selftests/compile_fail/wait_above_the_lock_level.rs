// SPDX-License-Identifier: GPL-2.0

//! A handler above the lock level is a function, which cannot await anything.

#![forbid(unsafe_code)]

use irqlab::{
    context::HardIrq,
    interrupt_thread::{
        Completion,
        HighHandler, //
    },
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

struct Clock {
    came: Completion,
}

impl HighHandler for Clock {
    fn serve(&self, _irq: &HardIrq) {
        // ERROR: E0728 `await` is only allowed inside `async` functions and blocks
        self.came.wait().await;
    }
}
