// SPDX-License-Identifier: GPL-2.0

//! A top half that counts, on each CPU: what most experiments put on a line.

use crate::{
    claim::Trial,
    line::Line,
    refusal::{
        refuse,
        Answer, //
    }, //
};
use irqlab::{
    clock,
    context::HardIrq,
    cpu::{
        self,
        CpuId,
        PerCpu, //
    },
    irq::{
        Affinity,
        Handler,
        IrqReturn,
        Registration, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    time::msecs_to_jiffies, //
};

/// Counts the interrupts of one line.
pub(crate) struct Counter {
    line: Arc<Line>,
    runs: PerCpu<Atomic<u64>>,
}

impl Handler for Counter {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        if !self.line.source.acknowledge(irq) {
            return IrqReturn::None;
        }
        self.runs.local().add(1, Relaxed);
        IrqReturn::Handled
    }
}

impl Counter {
    /// Puts a counter on `line`, which must be reserved.
    pub(crate) fn on(line: &Arc<Line>) -> Answer<Arc<Registration<Self>>> {
        let counter = Self {
            line: line.clone(),
            runs: PerCpu::new(|| Ok(Atomic::new(0)))?,
        };
        let sharing = line.source.sharing();
        let irq_line = line.source.line();
        Ok(irq_line.request(sharing, line.name, Ok(counter))?)
    }

    /// How often it ran.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.iter().map(|runs| runs.load(Relaxed)).sum()
    }

    /// How often it ran on `cpu`.
    pub(crate) fn runs_on(&self, cpu: CpuId) -> u64 {
        self.runs.of(cpu).load(Relaxed)
    }

    /// Raises one interrupt.
    pub(crate) fn trigger(&self) -> Result {
        self.line.raise()
    }

    /// Raises one interrupt and waits for it. Returns whether it came.
    pub(crate) fn raise(&self, trial: &Trial<'_>) -> Answer<bool> {
        let before = self.runs();
        self.trigger()?;
        Ok(trial.eventually(2000, || self.runs() > before))
    }

    /// Has the line's interrupts go to `cpus` only, and makes sure that they do:
    /// a controller may wait with it for an interrupt, and for its last move to
    /// be cleaned up, which is done by a timer of the CPU that the line has left.
    ///
    /// Refusals: `EIO` if an interrupt was lost, or the line does not get there.
    pub(crate) fn move_to(
        &self,
        trial: &Trial<'_>,
        affinity: &Affinity,
        cpus: impl Iterator<Item = CpuId> + Clone,
    ) -> Answer {
        const PATIENCE_MS: u32 = 10_000;

        let name = self.line.name();
        let runs = || cpus.clone().map(|cpu| self.runs_on(cpu)).sum::<u64>();
        let is_asked = |cpu: CpuId| cpus.clone().any(|other| other == cpu);
        affinity.set(cpus.clone())?;
        let start = clock::ticks();
        loop {
            let is_late = clock::ticks().wrapping_sub(start) > msecs_to_jiffies(PATIENCE_MS);
            let before = runs();
            if !self.raise(trial)? {
                refuse!(EIO, "{name}: an interrupt was lost while it moved");
            }
            // The kernel has noted these CPUs once it has moved the line. Of the effective ones it
            // does not keep account where the line could stay.
            let asked = affinity.asked()?;
            let is_known = cpu::online().all(|cpu| is_asked(cpu) == asked.test(cpu));
            if is_known && runs() > before {
                return Ok(());
            }
            if is_late {
                refuse!(
                    EIO,
                    "{name} does not move to other CPUs in {PATIENCE_MS} ms"
                );
            }
            trial.task.sleep_us(100, 100);
        }
    }
}
