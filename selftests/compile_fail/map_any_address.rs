// SPDX-License-Identifier: GPL-2.0

//! Nobody makes up an I/O APIC: whatever is at its address would be written to.

#![forbid(unsafe_code)]

use irqlab::{
    context::Task,
    io_apic::IoApic, //
};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

/// Reads what is at the address, for which it writes there.
pub fn read_anything(address: u32, task: &Task) -> Result {
    let controller = IoApic {
        // ERROR: E0451 field `id` of struct `IoApic` is private
        id: 0,
        // ERROR: E0451 field `address` of struct `IoApic` is private
        address,
        // ERROR: E0451 field `first_line` of struct `IoApic` is private
        first_line: 0,
    };
    controller.read(task)?;
    Ok(())
}
