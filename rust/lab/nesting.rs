// SPDX-License-Identifier: GPL-2.0

//! Nesting: what interrupted what, and how deep hard IRQs have nested.
//!
//! Seen where an interrupt begins: what the preempt count says beyond the
//! interrupt itself is what it has interrupted.

use crate::watch::{
    Event,
    Probes,
    Switched,
    System,
    Watcher, //
};
use irqlab::{
    context::Snapshot,
    cpu::PerCpu,
    emit,
    text::Text,
    tracepoint::{
        Attached,
        CallFunctionEntry,
        CallFunctionSingleEntry,
        IrqHandlerEntry,
        IrqWorkEntry,
        LocalTimerEntry,
        RescheduleEntry,
        SoftirqEntry, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// What is interrupted.
#[derive(Clone, Copy)]
pub(crate) enum Below {
    Idle,
    Task,
    SoftIrq,
    HardIrq,
    Nmi,
}

impl Below {
    const NAMES: [&'static str; 5] = ["idle", "task", "softirq", "hardirq", "nmi"];

    /// What is below `hardirqs` hard and `softirqs` soft IRQs.
    fn of(now: &Snapshot, hardirqs: u32, softirqs: u32) -> Self {
        if now.nmi_depth() > 0 {
            Below::Nmi
        } else if now.hardirq_depth() > hardirqs {
            Below::HardIrq
        // One that is served counts 1, and one that is disabled 2.
        } else if now.softirq_depth() & 1 > softirqs || softirqs > 0 && now.softirq_depth() > 1 {
            Below::SoftIrq
        } else if now.pid == 0 {
            Below::Idle
        } else {
            Below::Task
        }
    }
}

/// What interrupts: soft IRQs, the handlers of lines, and the system's vectors.
const NR_ABOVE: usize = 2 + System::ALL.len();
const SOFTIRQ: usize = 0;
const HANDLER: usize = 1;

/// How often what interrupted what, on each CPU.
pub(crate) struct Nesting(PerCpu<Counts>);

struct Counts {
    matrix: [[Atomic<u64>; Below::NAMES.len()]; NR_ABOVE],
    /// The most hard IRQs that were active at a time.
    deepest: Atomic<u32>,
}

impl Nesting {
    /// How many bytes all of it takes.
    pub(crate) fn nr_bytes(&self) -> usize {
        self.0.iter().map(size_of_val).sum()
    }

    pub(crate) fn new() -> Result<Self> {
        let counts = || {
            Ok(Counts {
                matrix: [const { [const { Atomic::new(0) }; Below::NAMES.len()] }; NR_ABOVE],
                deepest: Atomic::new(0),
            })
        };
        Ok(Self(PerCpu::new(counts)?))
    }

    /// How often a soft IRQ was served on top of `below`.
    pub(crate) fn softirqs_over(&self, below: Below) -> u64 {
        self.count(SOFTIRQ, below)
    }

    /// How often the interrupt for IRQ work came on top of `below`.
    pub(crate) fn irq_work_over(&self, below: Below) -> u64 {
        self.count(2 + System::IrqWork as usize, below)
    }

    /// How often the handler of a line was called on top of `below`.
    pub(crate) fn handlers_over(&self, below: Below) -> u64 {
        self.count(HANDLER, below)
    }

    fn count(&self, above: usize, below: Below) -> u64 {
        let count = |counts: &Counts| counts.matrix[above][below as usize].load(Relaxed);
        self.0.iter().map(count).sum()
    }

    pub(crate) fn reset(&self) {
        for counts in self.0.iter() {
            for count in counts.matrix.iter().flatten() {
                count.store(0, Relaxed);
            }
            counts.deepest.store(0, Relaxed);
        }
    }
}

impl Watcher for Nesting {
    fn attach(probes: &mut Attached<Probes<Self>>) -> Result {
        probes.to::<SoftirqEntry>()?;
        probes.to::<IrqHandlerEntry>()?;
        probes.to::<LocalTimerEntry>()?;
        probes.to::<RescheduleEntry>()?;
        probes.to::<CallFunctionEntry>()?;
        probes.to::<CallFunctionSingleEntry>()?;
        probes.to::<IrqWorkEntry>()
    }

    fn see(&self, event: Event) {
        let now = Snapshot::take();
        let (above, below) = match event {
            Event::Entered(..) => (SOFTIRQ, Below::of(&now, 0, 1)),
            Event::HandlerEntered(_) => (HANDLER, Below::of(&now, 1, 0)),
            Event::Interrupted(system) => (2 + system as usize, Below::of(&now, 1, 0)),
            _ => return,
        };
        let counts = self.0.local();
        counts.matrix[above][below as usize].add(1, Relaxed);
        let mut deepest = counts.deepest.load(Relaxed);
        while now.hardirq_depth() > deepest {
            match counts
                .deepest
                .cmpxchg(deepest, now.hardirq_depth(), Relaxed)
            {
                Ok(_) => break,
                Err(other) => deepest = other,
            }
        }
    }
}

/// Shows the matrix, and the depth on each CPU.
pub(crate) fn show(nesting: &Switched<Nesting>, text: &mut Text) -> Result {
    let state = if nesting.is_on() { "on" } else { "off" };
    emit!(
        text,
        "# {}; rows interrupt columns\n{:<20}",
        state,
        "#interrupted_by"
    )?;
    for name in Below::NAMES {
        emit!(text, " {:>9}", name)?;
    }
    emit!(text, "\n")?;
    for above in 0..NR_ABOVE {
        let name = match above {
            SOFTIRQ => "softirq",
            HANDLER => "handler",
            _ => System::ALL[above - 2].name(),
        };
        emit!(text, "{:<20}", name)?;
        for below in 0..Below::NAMES.len() {
            let count = |counts: &Counts| counts.matrix[above][below].load(Relaxed);
            emit!(text, " {:>9}", nesting.0.iter().map(count).sum::<u64>())?;
        }
        emit!(text, "\n")?;
    }
    emit!(text, "#cpu deepest_hardirq\n")?;
    for (cpu, counts) in nesting.0.iter().enumerate() {
        emit!(text, "{} {}\n", cpu, counts.deepest.load(Relaxed))?;
    }
    Ok(())
}
