// SPDX-License-Identifier: GPL-2.0

//! An ISR has three parts: critical, with interrupts off; non-critical, at once, with interrupts on; and
//! deferrable, which a soft IRQ does later.
//!
//! A driver has a function for each, which sends an interrupt to its own CPU and sees whether that comes
//! while it runs. The first two are in the ISR, the third one is a tasklet.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    line::Line,
    record::SnapshotCell,
    refusal::refuse,
    runs::Runs, //
};
use irqlab::{
    clock,
    context::{
        HardIrq,
        Kind,
        Snapshot,
        SoftIrq, //
    },
    irq::{
        Handler,
        IrqReturn, //
    },
    irq_work::{
        self,
        IrqWork, //
    },
    tasklet::{
        self,
        Tasklet, //
    },
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
    quote: "Non-Critical. […] These action can finish quickly and they are executed immediately but with the interrupts enabled (you can be interrupted).",
    section: "I/O Interrupts",
    today: "two parts: since 2.6.35 the ISR has interrupts off until it returns. What may be interrupted runs later, as a bottom half or in the line's thread",
    functions: "__handle_irq_event_percpu(), irq_exit_rcu(), handle_softirqs()",
    control: "the ISR does the deferrable part, too",
    next: "echo line=sim0 mechanisms=hard,tasklet,threaded > bench; cat bench",
}

/// What a part sees of itself.
struct Part {
    interrupt: Pin<KBox<IrqWork<Runs>>>,
    place: SnapshotCell,
    was_interrupted: Atomic<bool>,
    has_run: Atomic<bool>,
}

impl Part {
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: KBox::pin_init(IrqWork::new(Ok(Runs::new())), GFP_KERNEL)?,
            place: SnapshotCell::new(),
            was_interrupted: Atomic::new(false),
            has_run: Atomic::new(false),
        })
    }

    /// Works until it is interrupted, but not for longer than so many nanoseconds.
    fn run(&self, patience_ns: u64) {
        self.place.store(&Snapshot::take());
        self.interrupt.queue();
        let came = clock::spin_until(patience_ns, || self.interrupt.count() > 0);
        self.was_interrupted.store(came, Relaxed);
        self.has_run.store(true, Release);
    }
}

/// The parts, in their order.
struct Parts {
    critical: Part,
    non_critical: Part,
    deferrable: Part,
}

impl Parts {
    /// As short as an ISR has to be, if nothing comes.
    fn run_in_isr(&self, part: &Part) {
        part.run(20_000);
    }

    fn run_deferrable(&self) {
        self.deferrable.run(50_000_000);
    }
}

struct Deferred(Arc<Parts>);

impl tasklet::Handler<tasklet::Kind> for Deferred {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.run_deferrable();
    }
}

/// The driver.
#[pin_data]
struct Driver {
    line: Arc<Line>,
    parts: Arc<Parts>,
    #[pin]
    deferred: Tasklet<Deferred>,
    defers: bool,
}

impl Handler for Driver {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        if !self.line.source.acknowledge(irq) {
            return IrqReturn::None;
        }
        let parts = &self.parts;
        parts.run_in_isr(&parts.critical);
        parts.run_in_isr(&parts.non_critical);
        if self.defers {
            self.deferred.schedule();
        } else {
            parts.run_in_isr(&parts.deferrable);
        }
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if !irq_work::has_interrupt() {
        skip!("without a local APIC, no CPU can interrupt itself");
    }
    let line = match trial.line("edu0") {
        Ok(line) => line,
        Err(_) => trial.line("sim0")?,
    };
    let group = trial.group(line.name())?;
    let reserved = group.reserve()?;
    let parts = Parts {
        critical: Part::new()?,
        non_critical: Part::new()?,
        deferrable: Part::new()?,
    };
    let parts = Arc::new(parts, GFP_KERNEL)?;
    let (on_line, shared) = (line.clone(), parts.clone());
    let driver = try_pin_init!(Driver {
        line: on_line,
        parts: shared.clone(),
        deferred <- Tasklet::new(Ok(Deferred(shared))),
        defers: !trial.is_control(),
    }? Error);
    let irq_line = line.source.line();
    let _registration = irq_line.request(line.source.sharing(), line.name, driver)?;
    reserved.raise()?;
    trial.come("the deferrable part", || {
        parts.deferrable.has_run.load(Acquire)
    })?;

    let mut show = |name: &str, part: &Part, is_as_told: fn(&Snapshot, bool) -> bool| {
        let Some(place) = part.place.load() else {
            refuse!(EIO, "no snapshot of the {name} part");
        };
        let was_interrupted = part.was_interrupted.load(Relaxed);
        let is_so = is_as_told(&place, was_interrupted);
        evidence.check(
            is_so,
            fmt!(
                "{name} part in {} context, IF = {}: an interrupt {}",
                place.kind(),
                u8::from(!place.irqs_disabled),
                if was_interrupted {
                    "came meanwhile"
                } else {
                    "had to wait"
                }
            ),
        )?;
        Ok(place)
    };
    show("critical", &parts.critical, |place, was_interrupted| {
        place.irqs_disabled && !was_interrupted
    })?;
    // What the text is wrong about, if anything; but the two have to agree.
    let non_critical = show(
        "non-critical",
        &parts.non_critical,
        |place, was_interrupted| place.irqs_disabled != was_interrupted,
    )?;
    show("deferrable", &parts.deferrable, |place, was_interrupted| {
        place.kind() != Kind::HardIrq && !place.irqs_disabled && was_interrupted
    })?;
    if non_critical.irqs_disabled {
        evidence.outdated()
    } else {
        evidence.holds()
    }
}
