// SPDX-License-Identifier: GPL-2.0

//! Nor has the top half of an interrupt.

#![forbid(unsafe_code)]

use irqlab::{
    context::HardIrq,
    irq::{
        Handler,
        IrqReturn, //
    },
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

struct Sleeper;

impl Handler for Sleeper {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        // ERROR: E0599 no method named `sleep_ms` found
        irq.sleep_ms(1);
        IrqReturn::Handled
    }
}
