// SPDX-License-Identifier: GPL-2.0

//! The I/O APIC has 24 lines, and as many entries in its redirection table.
//!
//! Its version register says how many. That the entries are what they are taken for is seen by the lines of
//! the ISA bus: each has in its entry the vector that the kernel has given it.

use super::isa::isa_lines;
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::io_apic;

claim! {
    quote: "The I/O APIC has 24IRQ lines, a 24-entry Interrupt Redirection Table, programmable registers and a message \
            unit for sending and receiving APIC messages over the bus.",
    section: "Multicore processors",
    today: "so the first one of most PCs, and QEMU's; the version register has room for 240, and server chipsets \
            have several, of other sizes",
    functions: "io_apic_get_redir_entries(), ioapic_read_entry()",
    control: "looks for each line's entry from the end of the table",
    next: "# on the host: make shell APPEND=apic=debug; there: dmesg | grep -A 30 'IO APIC'",
}

/// By the text.
const NR_ENTRIES: usize = 24;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let (mut nr_controllers, mut nr_as_told) = (0, 0);
    for controller in io_apic::all(trial.task) {
        let registers = controller.read(trial.task)?;
        if registers.version == u32::MAX {
            skip!(
                "nothing answers at {:#x}, where the firmware has an I/O APIC",
                controller.address()
            );
        }
        nr_controllers += 1;
        let entries = &registers.entries;
        nr_as_told += usize::from(entries.len() == NR_ENTRIES);
        evidence.note(fmt!(
            "I/O APIC {} at {:#x}: version register {:#x}, so {} entries, {} of them not masked",
            controller.id(),
            controller.address(),
            registers.version,
            entries.len(),
            entries.iter().filter(|entry| !entry.is_masked()).count()
        ))?;
    }
    if nr_controllers == 0 {
        skip!("ACPI, which would say where it is, knows no I/O APIC");
    }
    let place = trial.pick(
        |pin, _nr_pins| pin,
        (|pin, nr_pins| nr_pins - 1 - pin) as fn(usize, usize) -> usize,
    );
    let lines = isa_lines(trial, place)?;
    let nr_lines = lines.len();
    if nr_lines == 0 && trial.is_control() {
        skip!("no line of the ISA bus goes through the I/O APIC, or interrupts are remapped");
    }
    let nr_equal = lines
        .iter()
        .filter(|line| line.entry.vector() == line.vector)
        .count();
    evidence.check(
        nr_equal == nr_lines,
        fmt!("{nr_equal} of {nr_lines} ISA lines in use have their vector in their entry"),
    )?;
    if nr_as_told == nr_controllers {
        evidence.holds()
    } else {
        evidence.outdated()
    }
}
