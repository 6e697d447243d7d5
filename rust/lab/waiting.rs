// SPDX-License-Identifier: GPL-2.0

//! Waiting interrupts: those that have arrived at a CPU which does not take them.

use crate::line::Line;
use irqlab::{
    clock,
    lapic, //
};
use kernel::prelude::*;

/// The vector by which the line's interrupts arrive at a local APIC now: that which the line
/// has there, or, if its interrupts are simulated, that of IRQ work. Nothing for a line of the PC's
/// first controller, the 8259 (`XT-PIC`), which interrupts a CPU past its local APIC.
///
/// Errors: `ENODEV` after the device was unbound.
pub(crate) fn vector_of(line: &Line) -> Result<Option<u8>> {
    let info = line.source.line().info()?;
    if info.vector.is_none() && info.chip.to_bytes() == b"XT-PIC" {
        return Ok(None);
    }
    Ok(Some(info.vector.unwrap_or(lapic::IRQ_WORK_VECTOR)))
}

/// Whether an interrupt of `vector` arrives and waits at this CPU, which does
/// not take any now. Gives it a moment: a device is not on the CPU's clock.
pub(crate) fn arrives(vector: u8) -> bool {
    const PATIENCE_NS: u64 = 500_000;

    clock::spin_until(PATIENCE_NS, || lapic::is_requested(vector))
}
