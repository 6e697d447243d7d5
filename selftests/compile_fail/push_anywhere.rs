// SPDX-License-Identifier: GPL-2.0

//! The stack of an experiment is in an island, not at an address of one's choice.

#![forbid(unsafe_code)]

use irqlab::{
    dangerous,
    fixup::Address, //
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn overwrite(anywhere: &Address<'_>) {
    // ERROR: E0308 mismatched types
    dangerous::push(anywhere);
}
