// SPDX-License-Identifier: GPL-2.0

//! Call single data that was dropped, which has waited for its call, cannot be sent.

#![forbid(unsafe_code)]

use irqlab::{
    context::IrqsOff,
    cpu::CpuId,
    smp::{
        Csd,
        Handler,
        Kind,
        NotCalled, //
    },
};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

struct Idle;

impl Handler<Kind> for Idle {
    fn run(_this: &Csd<Self>, _off: &IrqsOff) {}
}

/// Drops it, and wants it to be called.
pub fn send_after_drop(csd: Pin<KBox<Csd<Idle>>>, cpu: CpuId) -> Result<(), NotCalled> {
    drop(csd);
    // ERROR: E0382 borrow of moved value
    csd.call_on(cpu)
}
