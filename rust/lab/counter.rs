// SPDX-License-Identifier: GPL-2.0

//! A top half that counts, on each CPU: what most experiments put on a line.

use crate::{
    claim::Trial,
    line::Line,
    refusal::Answer, //
};
use irqlab::{
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
    /// Puts a counter on `line`, which must be lent.
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
    /// be cleaned up. Returns whether they do.
    pub(crate) fn move_to(
        &self,
        trial: &Trial<'_>,
        affinity: &Affinity,
        cpus: impl Iterator<Item = CpuId> + Clone,
    ) -> Answer<bool> {
        const ATTEMPTS: u32 = 200;

        affinity.set(cpus.clone())?;
        for _ in 0..ATTEMPTS {
            if !self.raise(trial)? {
                return Ok(false);
            }
            let (asked, chosen) = (affinity.asked()?, affinity.effective()?);
            let is_asked = |cpu: CpuId| cpus.clone().any(|other| other == cpu);
            let is_known = cpu::online().all(|cpu| is_asked(cpu) == asked.test(cpu));
            let is_chosen = cpu::online().all(|cpu| is_asked(cpu) || !chosen.test(cpu));
            if is_known && is_chosen {
                // This one may have been what moved the line; the next goes there.
                let runs = || cpus.clone().map(|cpu| self.runs_on(cpu)).sum::<u64>();
                let before = runs();
                return Ok(self.raise(trial)? && runs() > before);
            }
            trial.task.sleep_us(100, 100);
        }
        Ok(false)
    }
}
