// SPDX-License-Identifier: GPL-2.0

//! Of two interrupts that are pending, the one of the lower number goes first.
//!
//! With interrupts off, two interrupts are made to wait in the local APIC, once in the order of their
//! vectors, and once in the other one. Then the CPU takes them.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    counter::Counter,
    hold::attempt,
    line::Line,
    waiting, //
};
use irqlab::{
    clock,
    context::{
        HardIrq,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId, //
    },
    interrupt::local_interrupt_disable,
    irq::{
        Affinity,
        Handler,
        IrqReturn, //
    },
    lapic, smp,
    tracepoint::{
        Attached,
        IrqWorkEntry,
        Observer,
        RescheduleEntry, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Full,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "monitor the IRQ lines and of two or more lines are enabled select the one that has a lower pin number",
    section: "IRQs and Inter-Processor Interrupts",
    today: "so does an 8259. Of the interrupts that wait in a local APIC, the one with the higher vector is taken \
            first; the upper four bits of the vector are its priority class",
    functions: "common_interrupt(), sysvec_irq_work(), sysvec_reschedule_ipi()",
    control: "interrupts stay on",
    next: "cat lapic; cat lines/edu0/info",
}

/// The order in which vectors came that are waited for: 8 bits each, the last one lowest.
struct Order {
    /// Which CPU is looked at; no CPU has the number of none.
    cpu: Atomic<u32>,
    vectors: Atomic<u64>,
}

const NONE: u32 = u32::MAX;

impl Order {
    /// Notes an interrupt here, unless it came before.
    fn note(&self, vector: u8) {
        if self.cpu.load(Relaxed) != CpuId::current().as_u32() {
            return;
        }
        let mut vectors = self.vectors.load(Relaxed);
        while !vectors.to_le_bytes().contains(&vector) {
            let more = vectors << 8 | u64::from(vector);
            match self.vectors.cmpxchg(vectors, more, Full) {
                Ok(_) => break,
                Err(other) => vectors = other,
            }
        }
    }

    /// The first two.
    fn pair(&self) -> Option<[u8; 2]> {
        match self.vectors.load(Relaxed).to_le_bytes() {
            [_, 0, ..] => None,
            [second, first, 0, ..] => Some([first, second]),
            _ => None,
        }
    }
}

impl Observer<IrqWorkEntry> for Order {
    fn observe(&self, event: &IrqWorkEntry, _context: &Unsleeping) {
        self.note(event.vector);
    }
}

impl Observer<RescheduleEntry> for Order {
    fn observe(&self, event: &RescheduleEntry, _context: &Unsleeping) {
        self.note(event.vector);
    }
}

/// The handler of a device's line.
struct TopHalf {
    line: Arc<Line>,
    order: Arc<Order>,
    vector: Atomic<u32>,
}

impl Handler for TopHalf {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        if !self.line.source.acknowledge(irq) {
            return IrqReturn::None;
        }
        self.order.note(self.vector.load(Relaxed) as u8);
        IrqReturn::Handled
    }
}

/// How long the control waits for an interrupt that nothing holds back.
const PATIENCE_NS: u64 = 50_000_000;

/// What can be raised on this CPU.
enum Sender<'a> {
    /// A line.
    Line(&'a Line),
    /// The interrupt by which another CPU, or this one, has this one schedule.
    Reschedule(CpuId),
}

impl Sender<'_> {
    fn send(&self) -> bool {
        match self {
            Sender::Line(line) => line.raise().is_ok(),
            Sender::Reschedule(here) => smp::reschedule(*here).is_ok(),
        }
    }
}

/// An interrupt by its name, its vector, and how it is raised.
struct Interrupt<'a>(&'static str, u8, Sender<'a>);

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if !lapic::is_used() {
        skip!("the kernel uses no local APIC, in which two interrupts could wait");
    }
    let [cpu] = trial.cpus()?;
    let order = Order {
        cpu: Atomic::new(NONE),
        vectors: Atomic::new(0),
    };
    let mut watched = Attached::new(Arc::new(order, GFP_KERNEL)?);
    watched.to::<IrqWorkEntry>()?;
    watched.to::<RescheduleEntry>()?;
    let order = watched.observer();

    let sim = trial.line("sim0")?;
    let group = trial.group("sim0")?;
    let _reserved = group.reserve()?;
    let _counter = Counter::on(&sim)?;
    let work = || Interrupt("sim0", lapic::IRQ_WORK_VECTOR, Sender::Line(&sim));
    let reschedule = Sender::Reschedule(cpu);
    let reschedule = Interrupt("a reschedule IPI", lapic::RESCHEDULE_VECTOR, reschedule);

    let mut first = try_pair(trial, cpu, order, &[work(), reschedule], evidence)?;
    if let Ok(line) = trial.line("edu0") {
        let group = trial.group("edu0")?;
        let _reserved = group.reserve()?;
        let irq_line = line.source.line();
        if irq_line.info()?.vector.is_some() {
            let affinity = Affinity::new(irq_line)?;
            {
                let counter = Counter::on(&line)?;
                let one = core::iter::once(cpu);
                counter.handler().move_to(trial, &affinity, one)?;
            }
            let top_half = TopHalf {
                line: line.clone(),
                order: order.clone(),
                vector: Atomic::new(0),
            };
            let sharing = line.source.sharing();
            let registration = irq_line.request(sharing, line.name, Ok(top_half))?;
            let vector = waiting::visible_vector_of(&line)?;
            registration.handler().vector.store(vector.into(), Relaxed);
            let device = Interrupt("edu0", vector, Sender::Line(&line));
            if try_pair(trial, cpu, order, &[device, work()], evidence)? != first {
                first = First::Varies;
            }
        }
    }
    evidence.check(
        first != First::Varies,
        fmt!(
            "{} goes first",
            match first {
                First::Higher => "the higher vector",
                First::Lower => "the lower vector",
                First::Varies => "now one, now the other",
            }
        ),
    )?;
    match first {
        First::Lower => evidence.holds(),
        First::Higher | First::Varies => evidence.outdated(),
    }
}

/// Which of two went first, whatever the order in which they came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Higher,
    Lower,
    /// Now one, now the other.
    Varies,
}

/// Raises two interrupts, of which the second one has the higher vector, in either order.
fn try_pair(
    trial: &Trial<'_>,
    cpu: CpuId,
    order: &Arc<Order>,
    pair: &[Interrupt<'_>; 2],
    evidence: &mut Evidence,
) -> Answer<First> {
    let mut nr_higher_first = 0;
    for [first, second] in [[&pair[0], &pair[1]], [&pair[1], &pair[0]]] {
        let taken = attempt(|| raise(trial, cpu, order, first, second))?;
        let is_higher_first = taken == [pair[1].1, pair[0].1];
        nr_higher_first += u32::from(is_higher_first);
        evidence.note(fmt!(
            "{} (vector {:#x}) raised before {} ({:#x}): taken in the order {:#x}, {:#x}",
            first.0,
            first.1,
            second.0,
            second.1,
            taken[0],
            taken[1]
        ))?;
    }
    Ok(match nr_higher_first {
        2 => First::Higher,
        0 => First::Lower,
        _ => First::Varies,
    })
}

/// Raises two interrupts on `cpu`, with interrupts off but for the control. The order in which they were
/// taken; nothing if they did not meet.
fn raise(
    trial: &Trial<'_>,
    cpu: CpuId,
    order: &Order,
    first: &Interrupt<'_>,
    second: &Interrupt<'_>,
) -> Answer<Option<[u8; 2]>> {
    let keeps_on = trial.is_control();
    let have_met = Atomic::new(false);
    let workers = &trial.lab.workers;
    cpu::run_on(workers, core::iter::once(cpu), trial.task, |_here| {
        let off = local_interrupt_disable();
        order.vectors.store(0, Relaxed);
        order.cpu.store(cpu.as_u32(), Relaxed);
        let waits = |interrupt: &Interrupt<'_>| interrupt.2.send() && waiting::arrives(interrupt.1);
        if keeps_on {
            drop(off);
            let came = |interrupt: &Interrupt<'_>| {
                let has_come = || {
                    order
                        .vectors
                        .load(Relaxed)
                        .to_le_bytes()
                        .contains(&interrupt.1)
                };
                interrupt.2.send() && clock::spin_until(PATIENCE_NS, has_come)
            };
            have_met.store(came(first) && came(second), Relaxed);
            return;
        }
        have_met.store(
            waits(first) && waits(second) && lapic::is_requested(first.1),
            Relaxed,
        );
        drop(off);
    })?;
    trial.eventually(100, || order.pair().is_some());
    order.cpu.store(NONE, Relaxed);
    Ok(order.pair().filter(|_| have_met.load(Relaxed)))
}
