// SPDX-License-Identifier: GPL-2.0

//! A line comes from the device that owns it, not from a number or from a request of another device's.

#![forbid(unsafe_code)]

use irqlab::irq::Line;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*,
    sync::Arc, //
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn line(device: &Device<Bound>) -> Result<Arc<Line>> {
    // ERROR: E0624 associated function `new` is private
    Line::new(device, 11)
}
