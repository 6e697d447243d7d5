// SPDX-License-Identifier: GPL-2.0

//! Waiting interrupts: those that have arrived at a CPU which does not take them.

use crate::{
    claim::skip,
    line::Line,
    refusal::Answer, //
};
use irqlab::{
    clock,
    lapic, //
};
use kernel::prelude::*;

/// The vector by which the line's interrupts arrive at a local APIC now: that which the line
/// has there, or, if its interrupts are simulated, that of IRQ work. Nothing for a line of the PC's
/// first controller, the 8259 (`XT-PIC`), which interrupts a CPU past its local APIC, and where the
/// kernel uses no local APIC (`nolapic`).
///
/// Errors: `ENODEV` after the device was unbound.
pub(crate) fn vector_of(line: &Line) -> Result<Option<u8>> {
    let info = line.source.line().info()?;
    if !lapic::is_used() || info.vector.is_none() && info.chip.to_bytes() == b"XT-PIC" {
        return Ok(None);
    }
    Ok(Some(info.vector.unwrap_or(lapic::IRQ_WORK_VECTOR)))
}

/// As [`vector_of`], for an experiment that has to see the line's interrupts wait.
///
/// Refusals: a skip if they do not come through a local APIC.
pub(crate) fn visible_vector_of(line: &Line) -> Answer<u8> {
    match vector_of(line)? {
        Some(vector) => Ok(vector),
        None => skip!(
            "{} comes from {}, past the local APIC, where it would be seen to wait",
            line.name(),
            line.source.line().info()?.chip
        ),
    }
}

/// Whether an interrupt of `vector` arrives and waits at this CPU, which does
/// not take any now. Gives it a moment: a device is not on the CPU's clock.
pub(crate) fn arrives(vector: u8) -> bool {
    const PATIENCE_NS: u64 = 500_000;

    clock::spin_until(PATIENCE_NS, || lapic::is_requested(vector))
}
