// SPDX-License-Identifier: GPL-2.0

//! The name of a controller is a copy, and gone with it: that of an MSI's is freed with its driver.

#![forbid(unsafe_code)]

use irqlab::irq::Info;
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn name(info: &Info) -> &'static CStr {
    // ERROR: lifetime may not live long enough
    &info.chip
}
