// SPDX-License-Identifier: GPL-2.0

//! The CPU acknowledges an interrupt at the ports of the PIC.
//!
//! The PIC is the 8259. While a handler runs, both its registers and those of the local APIC are looked at.
//! With an I/O APIC the 8259 has all lines masked, before, during and after, and serves none; the
//! local APIC has let the interrupt through, and has been told of its end when the next one comes. With `noapic`,
//! the kernel masks and acknowledges the line at the 8259.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    hold::attempt,
    line::Line,
    waiting, //
};
use irqlab::{
    clock,
    context::HardIrq,
    cpu,
    i8259,
    interrupt::local_interrupt_disable,
    irq::{
        Handler,
        IrqReturn, //
    },
    lapic, //
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "wait until the CPU ack the interrupts signal by writing into one os the PIC ports, this clear the INTR line.",
    section: "IRQs and Inter-Processor Interrupts",
    today: "so with noapic. Since there are I/O APICs, the end of an interrupt (EOI) is written to the local APIC of the \
            CPU, and the 8259 is masked",
    functions: "apic_ack_irq(), ioapic_ack_level(), apic_eoi(); mask_and_ack_8259A()",
    control: "looks when no interrupt was raised",
    next: "cat lapic # and on the host: make shell APPEND=noapic; there: echo IRQ-19 > claims; grep \
           ^IRQ-19 claims",
}

/// Interrupts, one after the other: the next one comes when the last one was acknowledged.
const COUNT: u32 = 3;
/// How long a CPU waits for one that is about to come.
const PATIENCE_NS: u64 = 50_000_000;

/// Looks at the 8259 in each interrupt.
struct Looker {
    line: Arc<Line>,
    runs: Atomic<u32>,
    masked: Atomic<u32>,
    in_service: Atomic<u32>,
}

impl Looker {
    fn look(&self) {
        if let Some(pic) = i8259::State::read() {
            self.masked.store(pic.masked.into(), Relaxed);
            self.in_service.store(pic.in_service.into(), Relaxed);
        }
    }
}

impl Handler for Looker {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        if !self.line.source.acknowledge(irq) {
            return IrqReturn::None;
        }
        self.look();
        self.runs.fetch_add(1, Release);
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let line = match trial.line("edu0") {
        Ok(line) => line,
        Err(_) => trial.line("sim0")?,
    };
    let group = trial.group(line.name())?;
    let _reserved = group.reserve()?;
    let irq_line = line.source.line();
    let looker = Looker {
        line: line.clone(),
        runs: Atomic::new(0),
        masked: Atomic::new(0),
        in_service: Atomic::new(0),
    };
    let registration = irq_line.request(line.source.sharing(), line.name, Ok(looker))?;
    let looker = registration.handler();
    let before = i8259::State::read();
    let vector = waiting::vector_of(&line)?;
    let info = irq_line.info()?;
    match (vector, before) {
        (Some(_), _) => local_apic(trial, evidence, &line, looker, before),
        (None, Some(before)) if info.chip.to_bytes() == b"XT-PIC" => {
            // There, lines and interrupts have the same numbers.
            pic(
                trial,
                evidence,
                &line,
                looker,
                before,
                1 << (irq_line.irq() % 16),
            )
        }
        _ => skip!(
            "{} comes neither through a local APIC nor from an 8259",
            line.name()
        ),
    }
}

/// For a line that comes through the local APIC.
fn local_apic(
    trial: &Trial<'_>,
    evidence: &mut Evidence,
    line: &Line,
    looker: &Looker,
    before: Option<i8259::State>,
) -> Answer<Verdict> {
    let irq_line = line.source.line();
    let is_control = trial.is_control();
    let (nr_waited, nr_left) = (Atomic::new(0), Atomic::new(0));
    let (cpu, vector) = attempt(|| {
        let vector = waiting::visible_vector_of(line)?;
        // A simulated line is where it is raised.
        let [first] = trial.cpus()?;
        let cpu = irq_line.info()?.cpu.unwrap_or(first);
        for count in [&looker.runs, &nr_waited, &nr_left] {
            count.store(0, Relaxed);
        }
        let workers = &trial.lab.workers;
        cpu::run_on(workers, core::iter::once(cpu), trial.task, |_here| {
            for number in 1..=COUNT {
                let off = local_interrupt_disable();
                if is_control {
                    looker.look();
                } else if line.raise().is_ok() && waiting::arrives(vector) {
                    nr_waited.add(1, Relaxed);
                }
                drop(off);
                if !is_control {
                    clock::spin_until(PATIENCE_NS, || looker.runs.load(Acquire) >= number);
                }
                let _off = local_interrupt_disable();
                nr_left.add(u32::from(lapic::is_in_service(vector)), Relaxed);
            }
        })?;
        // One that has moved meanwhile waits elsewhere.
        let is_complete = is_control || nr_waited.load(Relaxed) == COUNT;
        Ok(is_complete.then_some((cpu, vector)))
    })?;
    let (waited, runs) = (nr_waited.load(Relaxed), looker.runs.load(Relaxed));
    let (name, chip, cpu) = (line.name(), irq_line.info()?.chip, cpu.as_u32());
    evidence.check(
        waited == COUNT,
        fmt!("{waited} of {COUNT} interrupts of {name} ({chip}) waited in the local APIC of CPU {cpu}, vector {vector:#x}"),
    )?;
    evidence.check(
        runs == COUNT && nr_left.load(Relaxed) == 0,
        fmt!(
            "{runs} were served, after which it had the vector in service {} times",
            nr_left.load(Relaxed)
        ),
    )?;
    let Some(before) = before else {
        evidence.note(fmt!("there is no 8259"))?;
        return evidence.outdated();
    };
    let (masked, in_service) = (looker.masked.load(Relaxed), looker.in_service.load(Relaxed));
    evidence.check(
        masked == u32::from(before.masked) && in_service == 0,
        fmt!(
            "the 8259 masked {:#06x} before, {masked:#06x} during the handler, when it had {in_service:#x} in service",
            before.masked
        ),
    )?;
    evidence.outdated()
}

/// For line `bit` of the 8259.
fn pic(
    trial: &Trial<'_>,
    evidence: &mut Evidence,
    line: &Line,
    looker: &Looker,
    before: i8259::State,
    bit: u16,
) -> Answer<Verdict> {
    for number in 1..=COUNT {
        if trial.is_control() {
            looker.look();
            continue;
        }
        line.raise()?;
        trial.come(line.name(), || looker.runs.load(Acquire) >= number)?;
    }
    line.source.line().synchronize(trial.task)?;
    let Some(after) = i8259::State::read() else {
        skip!("the 8259 is gone");
    };
    let during = looker.masked.load(Relaxed) as u16;
    let word = |masked: u16| match masked & bit {
        0 => "unmasked",
        _ => "masked",
    };
    evidence.check(
        before.masked & bit == 0 && during & bit != 0 && after.masked & bit == 0,
        fmt!(
            "the 8259 had line {} {} before, {} during the handler, {} after",
            bit.trailing_zeros(),
            word(before.masked),
            word(during),
            word(after.masked)
        ),
    )?;
    let is_acknowledged = looker.in_service.load(Relaxed) as u16 & bit == 0;
    evidence.check(
        is_acknowledged,
        fmt!("it had been acknowledged there when the handler ran: {is_acknowledged}"),
    )?;
    let runs = looker.runs.load(Relaxed);
    evidence.check(runs == COUNT, fmt!("{runs} of {COUNT} interrupts came"))?;
    evidence.holds()
}
