// SPDX-License-Identifier: GPL-2.0

//! Each device has a single output line.
//!
//! Of the pins that devices share, a PCI device has one at most. But with MSI-X it sends messages instead, and
//! its table has an entry for each: a line of its own in all respects.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::pci::{
    lines_of_all,
    Lines, //
};

claim! {
    quote: "Each hardware device controller capable of issuing interrupts requests usually has a single output line \
            designated as the Interrupt Request line (IRQ).",
    section: "IRQs and Inter-Processor Interrupts",
    today: "a PCI device has one pin, but with MSI-X up to 2048 messages, each with a vector and CPUs of its own: \
            mostly one for each queue of the device. In Linux since 2.6.8",
    functions: "pci_alloc_irq_vectors(), pci_irq_vector(), msi_domain_alloc_irqs_range()",
    control: "asks for the first line of each device again and again",
    next: "grep MSI /proc/interrupts; ls /sys/bus/pci/devices/*/msi_irqs",
}

/// How many devices are shown by name.
const MAX_SHOWN: usize = 3;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let devices = lines_of_all(trial.task)?;
    let has_pin = |device: &&Lines| device.has_pin;
    let nr_pins = devices.iter().filter(has_pin).count();
    let has_table = |device: &&Lines| device.nr_messages > 0;
    let nr_tables = devices.iter().filter(has_table).count();
    if nr_pins + nr_tables == 0 {
        skip!("of {} PCI devices none can interrupt", devices.len());
    }
    evidence.note(fmt!(
        "of {} PCI devices, {nr_pins} have a pin, {nr_tables} a table of messages (MSI-X)",
        devices.len()
    ))?;
    let mut nr_with_many = 0;
    for device in devices.iter().filter(|device| device.irqs.len() > 1) {
        nr_with_many += 1;
        let nr_lines = device.irqs.len();
        let nr_distinct = nr_distinct(trial.pick(&device.irqs, &device.irqs[..1]));
        if nr_with_many <= MAX_SHOWN || nr_distinct != nr_lines {
            evidence.check(
                nr_distinct == nr_lines,
                fmt!(
                    "{} has {} messages, of which {nr_lines} are in use, as {nr_distinct} lines from {} on",
                    &*device.device,
                    device.nr_messages,
                    device.irqs[0]
                ),
            )?;
        }
    }
    if nr_with_many > MAX_SHOWN {
        evidence.note(fmt!("{} more have several lines", nr_with_many - MAX_SHOWN))?;
    }
    if nr_with_many == 0 {
        // So it is as in the text, as far as this machine goes.
        evidence.check(
            !trial.is_control(),
            fmt!("no driver uses more than one line of its device"),
        )?;
        return evidence.holds();
    }
    evidence.outdated()
}

/// How many different numbers there are.
fn nr_distinct(irqs: &[u32]) -> usize {
    let is_first = |(index, irq): &(usize, &u32)| !irqs[..*index].contains(irq);
    irqs.iter().enumerate().filter(is_first).count()
}
