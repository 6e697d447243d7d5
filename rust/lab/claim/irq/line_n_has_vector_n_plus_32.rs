// SPDX-License-Identifier: GPL-2.0

//! Line n has vector n + 32.
//!
//! With one interrupt controller for one CPU it had. Now a line of a local APIC
//! gets a vector that is free on the CPU that it goes to: another number, and
//! perhaps another one again on the next CPU. The 16 lines of the ISA bus begin
//! with 0x30 + n. Simulated lines all arrive by the vector of IRQ work.
//!
//! What the kernel's books say is checked against the hardware: raised with
//! interrupts off, the interrupt waits in the local APIC under its vector.

use crate::claim::{
    claim,
    found,
    Finding,
    Trial,
    Verdict, //
};
use crate::{
    counter::Counter,
    line::Line,
    refusal::Answer,
    waiting, //
};
use irqlab::{
    cpu::{
        self,
        CpuId, //
    },
    emit,
    irq::Affinity,
    lapic,
    text::Text, //
};
use kernel::{
    interrupt::local_interrupt_disable,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

claim! {
    quote: "The n-th IRQ line is associated with the vector n+32.",
    section: "IRQs and Inter-Processor Interrupts",
    today: "a line of a local APIC gets a vector that is free on the CPU that it goes to, from a matrix of all CPUs since 4.15; the 16 lines of the ISA bus begin with 0x30 + n",
    functions: "assign_irq_vector_any_locked(), irq_matrix_alloc(), ISA_IRQ_VECTOR()",
    control: "looks for vector n + 32 in the local APIC",
    next: "cat lines/edu0/info; cat lapic",
}

/// The first vector that is not an exception's.
const FIRST: u32 = 32;
/// That of ISA line 0 as the kernel starts.
const FIRST_ISA: u32 = 0x30;
/// On how many CPUs a line is looked at.
const CPUS: usize = 2;

/// What the lines showed.
#[derive(Default)]
struct Seen {
    as_claimed: u32,
    otherwise: u32,
    unconfirmed: u32,
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut evidence = Text::new();
    let mut seen = Seen::default();
    for name in ["sim0", "sim1", "edu0", "edu1"] {
        if let Ok(line) = trial.line(name) {
            try_line(trial, &line, &mut seen, &mut evidence)?;
        }
    }
    let verdict = if seen.unconfirmed > 0 {
        Verdict::Fails
    } else if seen.as_claimed + seen.otherwise == 0 {
        Verdict::Skip
    } else if seen.otherwise > 0 {
        Verdict::Outdated
    } else {
        Verdict::Holds
    };
    found(verdict, fmt!("{}", evidence))
}

fn try_line(trial: &Trial<'_>, line: &Line, seen: &mut Seen, evidence: &mut Text) -> Answer {
    let irq_line = line.source.line();
    let irq = irq_line.irq();
    if waiting::vector_of(line)?.is_none() {
        evidence.separate("; ")?;
        emit!(
            evidence,
            "{} irq {}: comes from {}, not through a local APIC, which would show its vector",
            line.name(),
            irq,
            irq_line.info()?.chip
        )?;
        return Ok(());
    }
    let group = trial.group(line.name())?;
    let _lent = group.lend()?;
    let registration = Counter::on(&trial.line(line.name())?)?;
    let counter = registration.handler();
    let affinity = Affinity::new(irq_line)?;
    let can_move = affinity.set(cpu::online()).is_ok();

    evidence.separate("; ")?;
    emit!(evidence, "{} irq {}:", line.name(), irq)?;
    let mut vectors = KVec::new();
    for cpu in cpu::online().take(if can_move { CPUS } else { 1 }) {
        if can_move {
            counter.move_to(trial, &affinity, core::iter::once(cpu))?;
        }
        let vector = waiting::vector_of(line)?.unwrap_or(lapic::IRQ_WORK_VECTOR);
        let expected = trial.pick(vector, (irq + FIRST) as u8);
        let is_confirmed = arrives_by(trial, line, cpu, expected)?;
        vectors.push(vector, GFP_KERNEL)?;
        if !is_confirmed {
            seen.unconfirmed += 1;
        } else if u32::from(vector) == irq + FIRST {
            seen.as_claimed += 1;
        } else {
            seen.otherwise += 1;
        }
        emit!(
            evidence,
            " vector {:#x} on CPU {}, {} in the local APIC,",
            vector,
            cpu.as_u32(),
            if is_confirmed { "seen" } else { "not seen" }
        )?;
    }
    emit!(evidence, " not {:#x}", irq + FIRST)?;
    if vectors.iter().any(|v| u32::from(*v) == irq + FIRST_ISA) {
        emit!(evidence, " but ISA's {:#x}", irq + FIRST_ISA)?;
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
