// SPDX-License-Identifier: GPL-2.0

//! The token of an interrupt ends with its handler.

#![forbid(unsafe_code)]

use irqlab::context::HardIrq;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub struct Kept<'a>(pub Option<&'a HardIrq>);

pub fn handle(kept: &mut Kept<'static>, irq: &HardIrq) {
    // ERROR: lifetime may not live long enough
    kept.0 = Some(irq);
}
