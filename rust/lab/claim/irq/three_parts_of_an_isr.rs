// SPDX-License-Identifier: GPL-2.0

//! An ISR has three parts: critical, non-critical, and deferrable.
//!
//! The critical part, with interrupts off, asks the device and quietens it. The
//! non-critical one goes on at once with interrupts on, which today takes the
//! line's thread: the ISR itself has them off throughout. What can wait is left
//! to a soft IRQ.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    line::Line,
    record::{
        Distribution,
        Merged,
        SnapshotCell, //
    },
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    clock,
    context::{
        HardIrq,
        Kind,
        Snapshot,
        SoftIrq,
        Task, //
    },
    emit,
    irq::{
        IrqReturn,
        Registration,
        ThreadedHandler,
        ThreadedIrqReturn, //
    },
    tasklet::{
        self,
        Tasklet, //
    },
    text::Text, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

claim! {
    quote: "Non-Critical. These action can finish quickly and they are executed immediately but with the interrupts enabled (you can be interrupted).",
    section: "I/O Interrupts",
    today: "two parts: since 2.6.35 the ISR has interrupts off until it returns. What may be interrupted runs later, as a bottom half or in the line's thread",
    functions: "__handle_irq_event_percpu(), irq_exit_rcu(), handle_softirqs()",
    control: "the critical part does everything",
    next: "echo line=sim0 mechanisms=hard,tasklet,threaded > bench; cat bench",
}

/// Interrupts, one after the other.
const COUNT: u64 = 20;
/// How long the parts that can wait work.
const NON_CRITICAL_NS: u64 = 5_000;
const DEFERRABLE_NS: u64 = 20_000;

const PARTS: [&str; 3] = ["critical", "non-critical", "deferrable"];

/// When and where one part ran.
struct Part {
    runs: Atomic<u64>,
    /// Runs in the context that the part is to have.
    in_place: Atomic<u64>,
    place: SnapshotCell,
    duration: Distribution,
}

impl Part {
    fn new() -> Result<Self> {
        Ok(Self {
            runs: Atomic::new(0),
            in_place: Atomic::new(0),
            place: SnapshotCell::new(),
            duration: Distribution::new()?,
        })
    }
}

/// The parts, and how far the current interrupt has come.
struct Parts {
    parts: [Part; 3],
    /// Parts that have ended, of all interrupts: three each, in their order.
    ended: Atomic<u64>,
    out_of_order: Atomic<u64>,
}

impl Parts {
    /// Notes that part `index` ends here, which began at `start`.
    fn end(&self, index: usize, start: &Snapshot) {
        let end_ns = clock::now_ns();
        let part = &self.parts[index];
        let is_in_place = match index {
            0 => start.kind() == Kind::HardIrq && start.irqs_disabled,
            1 => start.kind() == Kind::Task && !start.irqs_disabled,
            _ => start.kind() == Kind::SoftIrq && !start.irqs_disabled,
        };
        part.place.store(start);
        part.duration.count(end_ns.wrapping_sub(start.stamp_ns));
        part.in_place.add(u64::from(is_in_place), Relaxed);
        part.runs.add(1, Relaxed);
        if self.ended.fetch_add(1, Full) % PARTS.len() as u64 != index as u64 {
            self.out_of_order.add(1, Relaxed);
        }
    }

    fn non_critical(&self) {
        let start = Snapshot::take();
        clock::spin_ns(NON_CRITICAL_NS);
        self.end(1, &start);
    }

    fn deferrable(&self) {
        let start = Snapshot::take();
        clock::spin_ns(DEFERRABLE_NS);
        self.end(2, &start);
    }
}

/// The deferrable part.
struct Deferred(Arc<Parts>);

impl tasklet::Handler for Deferred {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.deferrable();
    }
}

/// The driver: its top half is the critical part, its thread the non-critical
/// one.
#[pin_data]
struct Driver {
    line: Arc<Line>,
    parts: Arc<Parts>,
    #[pin]
    deferred: Tasklet<Deferred>,
    has_parts: bool,
}

impl ThreadedHandler for Driver {
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        let start = Snapshot::take();
        if !self.line.source.acknowledge(irq) {
            return ThreadedIrqReturn::None;
        }
        self.parts.end(0, &start);
        if self.has_parts {
            return ThreadedIrqReturn::WakeThread;
        }
        self.parts.non_critical();
        self.parts.deferrable();
        ThreadedIrqReturn::Handled
    }

    fn handle_threaded(&self, _task: &Task) -> IrqReturn {
        self.parts.non_critical();
        self.deferred.schedule();
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    if trial.line("edu0").is_ok() {
        match try_line(trial, "edu0") {
            // A driver outside the lab shares it, and agrees to no thread.
            Err(refusal) if refusal.error == EBUSY => (),
            finding => return finding,
        }
    }
    try_line(trial, "sim0")
}

fn try_line(trial: &Trial<'_>, name: &str) -> Answer<Finding> {
    let line = trial.line(name)?;
    let group = trial.group(name)?;
    let lent = group.lend()?;
    let parts = Parts {
        parts: [Part::new()?, Part::new()?, Part::new()?],
        ended: Atomic::new(0),
        out_of_order: Atomic::new(0),
    };
    let parts = Arc::new(parts, GFP_KERNEL)?;
    let _registration = request(&line, &parts, !trial.is_control())?;
    for number in 1..=COUNT {
        lent.raise()?;
        let wanted = number * PARTS.len() as u64;
        if !trial.eventually(2000, || parts.ended.load(Acquire) >= wanted) {
            refuse!(EIO, "{}: interrupt {} did not get to its end", name, number);
        }
    }

    let mut evidence = Text::new();
    let mut holds = parts.out_of_order.load(Relaxed) == 0;
    for (part, what) in parts.parts.iter().zip(PARTS) {
        let Some(place) = part.place.load() else {
            refuse!(EIO, "{}: no snapshot of the {} part", name, what);
        };
        let in_place = part.in_place.load(Relaxed);
        holds &= part.runs.load(Relaxed) == COUNT && in_place == COUNT;
        let median_ns = Merged::new(core::iter::once(&part.duration))?.summary().p50;
        emit!(
            &mut evidence,
            "; {} part in {}, IF = {}, {} of {} as it should be, median {} ns",
            what,
            place.kind(),
            u8::from(!place.irqs_disabled),
            in_place,
            COUNT,
            median_ns
        )?;
    }
    judge!(
        holds,
        "{}: {} interrupts, {} parts out of order{}",
        name,
        COUNT,
        parts.out_of_order.load(Relaxed),
        evidence
    )
}

fn request(
    line: &Arc<Line>,
    parts: &Arc<Parts>,
    has_parts: bool,
) -> Result<Arc<Registration<Driver>>> {
    let driver = try_pin_init!(Driver {
        line: line.clone(),
        parts: parts.clone(),
        deferred <- Tasklet::new(Ok(Deferred(parts.clone()))),
        has_parts,
    }? Error);
    let irq_line = line.source.line();
    irq_line.request_threaded(line.source.sharing(), line.name, driver)
}
