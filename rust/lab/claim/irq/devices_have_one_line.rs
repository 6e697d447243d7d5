// SPDX-License-Identifier: GPL-2.0

//! Each device has a single output line.
//!
//! Of the pins that devices share, a PCI device has one at most. But with MSI-X it sends messages instead, and
//! its table has an entry for each: a line of its own in all respects. What tells two lines apart is the
//! CPU and the vector by which they arrive.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::pci::{
    lines_of_all,
    Lines,
    Message, //
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
    for device in &devices {
        let mut lines = KVec::new();
        for line in device.messages.iter().filter(|line| line.vector != 0) {
            lines.push(*line, GFP_KERNEL)?;
        }
        let nr_lines = lines.len();
        if nr_lines < 2 {
            continue;
        }
        nr_with_many += 1;
        let first = lines[0];
        if trial.is_control() {
            lines.iter_mut().for_each(|line| *line = first);
        }
        let last = lines[nr_lines - 1];
        let nr_places = nr_places(&lines);
        if nr_with_many <= MAX_SHOWN || nr_places != nr_lines {
            evidence.check(
                nr_places == nr_lines,
                fmt!(
                    "{} has {} messages; {nr_lines} of them arrive in {nr_places} ways: line {} at CPU {} by vector \
                     {:#x}, …, line {} at CPU {} by vector {:#x}",
                    &*device.device,
                    device.nr_messages,
                    first.irq,
                    first.cpu,
                    first.vector,
                    last.irq,
                    last.cpu,
                    last.vector
                ),
            )?;
        }
    }
    if nr_with_many > MAX_SHOWN {
        evidence.note(fmt!("{} more have several lines", nr_with_many - MAX_SHOWN))?;
    }
    if nr_with_many == 0 && nr_tables > 0 {
        skip!("of {nr_tables} PCI devices with a table of messages, no driver uses more than one");
    }
    if nr_with_many == 0 {
        // So it is as in the text, as far as this machine goes.
        evidence.check(
            !trial.is_control(),
            fmt!("no device could have more than one line"),
        )?;
        return evidence.holds();
    }
    evidence.outdated()
}

/// In how many ways they arrive: CPUs and vectors.
fn nr_places(lines: &[Message]) -> usize {
    let place = |line: &Message| (line.cpu, line.vector);
    let is_first = |(index, line): &(usize, &Message)| {
        let mut before = lines[..*index].iter();
        !before.any(|other| place(other) == place(line))
    };
    lines.iter().enumerate().filter(is_first).count()
}
