// SPDX-License-Identifier: GPL-2.0

//! A table of gates is where the CPU says, and nowhere else: its address cannot be chosen.

#![forbid(unsafe_code)]

use irqlab::idt::Idt;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn read_anywhere(base: usize) -> usize {
    // ERROR: E0451 fields `base` and `limit` of struct `Idt` are private
    let table = Idt { base, limit: 4095 };
    table.gates().count()
}
