// SPDX-License-Identifier: GPL-2.0

//! A handler cannot bring the token of a task with it: it runs elsewhere.

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        HardIrq,
        Task, //
    },
    irq::{
        Handler,
        IrqReturn, //
    },
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

struct Smuggler(&'static Task);

// ERROR: E0277 `*mut ()` cannot be shared between threads safely
impl Handler for Smuggler {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        self.0.sleep_ms(1);
        IrqReturn::Handled
    }
}
