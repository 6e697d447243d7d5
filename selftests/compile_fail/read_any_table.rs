// SPDX-License-Identifier: GPL-2.0

//! A table of gates is where the CPU says, and nowhere else: its address cannot be chosen.

#![forbid(unsafe_code)]

use irqlab::idt::Idt;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn read_anywhere(base: usize) -> usize {
    let table = Idt {
        // ERROR: E0451 field `base` of struct `Idt` is private
        base,
        // ERROR: E0451 field `limit` of struct `Idt` is private
        limit: 4095,
    };
    table.gates().count()
}
