// SPDX-License-Identifier: GPL-2.0

//! The lines of the ISA bus, which every PC has, by the kernel's books and by the I/O APIC.

use crate::{
    claim::Trial,
    refusal::Answer, //
};
use irqlab::{
    io_apic::{
        self,
        Entry, //
    },
    irq,
};
use kernel::prelude::*;

/// A line in use.
pub(super) struct IsaLine {
    pub(super) irq: u32,
    /// Its vector by the kernel's books.
    pub(super) vector: u8,
    /// An entry of the redirection table.
    pub(super) entry: Entry,
}

/// The lines that an I/O APIC sends, each with the entry that `place` gives for its pin and the number
/// of pins. None where interrupts are remapped: then entries have no vector.
pub(super) fn isa_lines(
    trial: &Trial<'_>,
    place: fn(usize, usize) -> usize,
) -> Answer<KVec<IsaLine>> {
    let in_use = || {
        irq::isa_lines().filter_map(|(irq, info)| {
            let is_routed = info.chip.to_bytes() == b"IO-APIC" && info.disable_depth == 0;
            Some((irq, info.hwirq, info.vector.filter(|_| is_routed)?))
        })
    };
    let mut lines = KVec::new();
    let Some(controller) = io_apic::all(trial.task).find(|it| it.first_line() == 0) else {
        return Ok(lines);
    };
    let mut before = KVec::new();
    for line in in_use() {
        before.push(line, GFP_KERNEL)?;
    }
    let table = controller.read(trial.task)?.entries;
    // What has moved to another CPU meanwhile may have another vector.
    for line in in_use().filter(|line| before.contains(line)) {
        let (irq, pin, vector) = line;
        let is_masked = |pin: usize| table.get(pin).is_none_or(|entry| entry.is_masked());
        if let (false, Some(entry)) = (is_masked(pin), table.get(place(pin, table.len()))) {
            let entry = *entry;
            lines.push(IsaLine { irq, vector, entry }, GFP_KERNEL)?;
        }
    }
    Ok(lines)
}
