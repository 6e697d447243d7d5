// SPDX-License-Identifier: GPL-2.0

//! How interrupts come that an I/O APIC has routed.
//!
//! The entry of a line in the redirection table is read by the kernel itself, for who asks whether the line
//! is active: while the handler runs, the bit is set that the local APIC's EOI clears.

use crate::{
    claim::Trial,
    hold::attempt,
    line::Line,
    refusal::Answer, //
};
use irqlab::{
    context::HardIrq,
    interrupt::local_interrupt_disable,
    irq::{
        Handler,
        IrqReturn, //
    },
    lapic::State, //
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

/// How interrupts of a line have come.
pub(super) struct Routed {
    pub(super) runs: u32,
    /// How many came by the vector of the entry, how many level-triggered, and of how many
    /// the entry said that the I/O APIC waits for their EOI.
    pub(super) by_vector: u32,
    pub(super) level: u32,
    pub(super) active: u32,
    /// Whether it still says so afterwards.
    pub(super) active_after: bool,
    pub(super) vector: u8,
}

struct TopHalf {
    line: Arc<Line>,
    /// The one that the kernel has given the line.
    vector: Atomic<u32>,
    runs: Atomic<u32>,
    by_vector: Atomic<u32>,
    level: Atomic<u32>,
    active: Atomic<u32>,
}

impl TopHalf {
    /// Begins anew, for interrupts by this vector.
    fn begin(&self, vector: u8) {
        self.vector.store(vector.into(), Relaxed);
        for count in [&self.runs, &self.by_vector, &self.level, &self.active] {
            count.store(0, Relaxed);
        }
    }
}

impl Handler for TopHalf {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        if !self.line.source.acknowledge(irq) {
            return IrqReturn::None;
        }
        let state = State::read(&local_interrupt_disable());
        let vector = self.vector.load(Relaxed) as u8;
        let is_it = state.in_service.highest() == Some(vector);
        let is_level = state.level_triggered.contains(vector);
        let is_active = self.line.source.line().is_active() == Ok(true);
        self.by_vector.add(u32::from(is_it), Relaxed);
        self.level.add(u32::from(is_level), Relaxed);
        self.active.add(u32::from(is_active), Relaxed);
        self.runs.add(1, Relaxed);
        IrqReturn::Handled
    }
}

impl Routed {
    pub(super) const COUNT: u32 = 5;

    /// Raises interrupts of the line, which is one of an I/O APIC, and looks at them in their handler.
    pub(super) fn of(trial: &Trial<'_>, line: &Arc<Line>) -> Answer<Self> {
        let group = trial.group(line.name())?;
        let _reserved = group.reserve()?;
        let (source, irq_line) = (&line.source, line.source.line());
        let top_half = TopHalf {
            line: line.clone(),
            vector: Atomic::new(0),
            runs: Atomic::new(0),
            by_vector: Atomic::new(0),
            level: Atomic::new(0),
            active: Atomic::new(0),
        };
        let registration = irq_line.request(source.sharing(), line.name, Ok(top_half))?;
        let top_half = registration.handler();
        // Where it was sent last it goes from its next interrupt on, by a vector that is new.
        let vector = attempt(|| {
            let vector = irq_line.info()?.vector.unwrap_or(0);
            top_half.begin(vector);
            for run in 0..Self::COUNT {
                line.raise()?;
                trial.come(line.name(), || top_half.runs.load(Relaxed) > run)?;
            }
            irq_line.synchronize(trial.task)?;
            let has_stayed = irq_line.info()?.vector.unwrap_or(0) == vector;
            Ok(has_stayed.then_some(vector))
        })?;
        Ok(Self {
            runs: top_half.runs.load(Relaxed),
            by_vector: top_half.by_vector.load(Relaxed),
            level: top_half.level.load(Relaxed),
            active: top_half.active.load(Relaxed),
            active_after: irq_line.is_active()?,
            vector,
        })
    }
}
