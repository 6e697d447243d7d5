// SPDX-License-Identifier: GPL-2.0

//! Line n has vector n + 32.
//!
//! With one interrupt controller for one CPU it had. Now a line of a local APIC gets a vector that is free
//! on the CPU that it goes to: another number, and perhaps another one again on the next CPU.
//!
//! What the kernel's books say is checked against the hardware. A device's interrupt, raised with interrupts
//! off, waits in the local APIC under its vector. For the lines of the ISA bus, which nobody can raise, the
//! I/O APIC's redirection table has it.

use super::isa::isa_lines;
use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    counter::Counter,
    line::Line,
    waiting, //
};
use irqlab::{
    cpu::{
        self,
        CpuId, //
    },
    interrupt::local_interrupt_disable,
    irq::Affinity,
    lapic, //
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "The n-th IRQ line is associated with the vector n+32.",
    section: "IRQs and Inter-Processor Interrupts",
    today: "a line of a local APIC gets a vector that is free on the CPU that it goes to, from a matrix of all CPUs since 4.15; the 16 lines of the ISA bus begin with 0x30 + n",
    functions: "assign_irq_vector_any_locked(), irq_matrix_alloc(), ISA_IRQ_VECTOR()",
    control: "looks for vector n + 32 in the local APIC",
    next: "cat lines/edu0/info; cat lapic",
}

/// The distance of the vectors from the lines, by the text.
const DISTANCE: u32 = 32;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if !lapic::is_used() {
        skip!("the kernel uses no local APIC, which would show the vector of a line");
    }
    // Whether each vector that was found is as the text says.
    let mut found = KVec::new();
    for name in ["edu0", "edu1"] {
        if let Ok(line) = trial.line(name) {
            raise(trial, &line, &mut found, evidence)?;
        }
    }
    read_table(trial, &mut found, evidence)?;
    if found.is_empty() {
        skip!("no line of this machine comes through a local APIC by a vector of its own");
    }
    let nr_as_told = found.iter().filter(|is_as_told| **is_as_told).count();
    let nr_found = found.len();
    evidence.note(fmt!(
        "{nr_as_told} of {nr_found} vectors are n + {DISTANCE}"
    ))?;
    if nr_as_told == nr_found {
        evidence.holds()
    } else {
        evidence.outdated()
    }
}

/// The vector to look for: what the kernel's books say, or the text.
fn expected(trial: &Trial<'_>, irq: u32, vector: u8) -> u8 {
    trial.pick(vector, (irq + DISTANCE) as u8)
}

/// Raises the line on two CPUs, if it can go to them.
fn raise(
    trial: &Trial<'_>,
    line: &Arc<Line>,
    found: &mut KVec<bool>,
    evidence: &mut Evidence,
) -> Answer {
    let irq_line = line.source.line();
    let (name, irq) = (line.name(), irq_line.irq());
    if waiting::vector_of(line)?.is_none() {
        let chip = irq_line.info()?.chip;
        return Ok(evidence.note(fmt!("{name} comes from {chip}, which hides its vector"))?);
    }
    let group = trial.group(name)?;
    let _reserved = group.reserve()?;
    let registration = Counter::on(line)?;
    let affinity = Affinity::new(irq_line)?;
    for cpu in cpu::online().take(2) {
        let counter = registration.handler();
        counter.move_to(trial, &affinity, core::iter::once(cpu))?;
        let Some(vector) = waiting::vector_of(line)? else {
            continue;
        };
        let expected = expected(trial, irq, vector);
        let has_come = arrives_by(trial, line, cpu, expected)?;
        evidence.check(
            has_come,
            fmt!(
                "{name}, line {irq}, raised on CPU {}: {} in its local APIC by vector {expected:#x}",
                cpu.as_u32(),
                if has_come { "waits" } else { "does not wait" }
            ),
        )?;
        found.push(u32::from(vector) == irq + DISTANCE, GFP_KERNEL)?;
    }
    Ok(())
}

/// Whether an interrupt raised on `cpu` waits there under `vector` while
/// interrupts are off.
fn arrives_by(trial: &Trial<'_>, line: &Line, cpu: CpuId, vector: u8) -> Answer<bool> {
    let is_seen = Atomic::new(false);
    let workers = &trial.lab.workers;
    cpu::run_on(workers, core::iter::once(cpu), trial.task, |_here| {
        let _guard = local_interrupt_disable();
        if line.raise().is_ok() && waiting::arrives(vector) {
            is_seen.store(true, Relaxed);
        }
    })?;
    Ok(is_seen.load(Relaxed))
}

/// Looks the lines of the ISA bus up in the redirection table of the first I/O APIC.
fn read_table(trial: &Trial<'_>, found: &mut KVec<bool>, evidence: &mut Evidence) -> Answer {
    let lines = isa_lines(trial, |pin, _nr_pins| pin)?;
    let mut nr_equal = 0;
    for line in &lines {
        let (irq, vector) = (line.irq, line.vector);
        nr_equal += usize::from(line.entry.vector() == expected(trial, irq, vector));
        found.push(u32::from(vector) == irq + DISTANCE, GFP_KERNEL)?;
    }
    evidence.check(
        nr_equal == lines.len(),
        fmt!(
            "the I/O APIC sends {nr_equal} of {} ISA lines by {}",
            lines.len(),
            trial.pick("the vector that the kernel says", "vector n + 32")
        ),
    )?;
    Ok(())
}
