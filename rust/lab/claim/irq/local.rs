// SPDX-License-Identifier: GPL-2.0

//! What each CPU's local APIC has of its own: its id, and its table of local interrupts with that of the timer.

use crate::claim::prelude::*;
use irqlab::{
    context::Unsleeping,
    cpu::{
        self,
        CpuId,
        PerCpu, //
    },
    lapic::{
        self,
        Delivery,
        Source,
        State, //
    },
    tracepoint::{
        Attached,
        LocalTimerEntry,
        Observer, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

/// Of how many CPUs the local APIC is as claimed.
pub(super) struct Local {
    pub(super) own_ids: usize,
    pub(super) tables: usize,
    /// Those whose timer came by the vector of its entry, and by another one. The others have no tick:
    /// CPUs may be isolated from it, and their timers be served elsewhere.
    pub(super) timers: usize,
    pub(super) strange_timers: usize,
}

/// The vector by which the timer of each CPU came last, plus 1.
struct Timers(PerCpu<Atomic<u32>>);

impl Observer<LocalTimerEntry> for Timers {
    fn observe(&self, event: &LocalTimerEntry, _context: &Unsleeping) {
        self.0.local().store(u32::from(event.vector) + 1, Relaxed);
    }
}

impl Local {
    pub(super) fn of(trial: &Trial<'_>, states: &[(CpuId, State)]) -> Answer<Self> {
        let timers = Timers(PerCpu::new(|| Ok(Atomic::new(0)))?);
        let mut attached = Attached::new(Arc::new(timers, GFP_KERNEL)?);
        attached.to::<LocalTimerEntry>()?;
        let seen = |cpu: CpuId| attached.observer().0.of(cpu).load(Relaxed);
        // Who sleeps is woken by the timer of the CPU.
        cpu::run_on(&trial.lab.workers, cpu::online(), trial.task, |here| {
            here.task.sleep_ms(1);
        })?;
        trial.eventually(200, || states.iter().all(|(cpu, _)| seen(*cpu) > 0));

        let own_id = |(cpu, state): &&(CpuId, State)| state.id == lapic::id_of(*cpu);
        let has_table = |(_, state): &&(CpuId, State)| {
            // LINT0 is for an 8259 and LINT1 for NMI, masked or not.
            state.is_enabled()
                && state.entry(Source::Lint0).map(|entry| entry.delivery())
                    == Some(Delivery::ExtInt)
                && state.entry(Source::Lint1).map(|entry| entry.delivery()) == Some(Delivery::Nmi)
        };
        let came = |(cpu, _): &&(CpuId, State)| seen(*cpu) > 0;
        let came_by_entry = |(cpu, state): &&(CpuId, State)| {
            let entry = state.entry(Source::Timer);
            entry.map(|entry| u32::from(entry.vector()) + 1) == Some(seen(*cpu))
        };
        let timers = states.iter().filter(came_by_entry).count();
        Ok(Self {
            own_ids: states.iter().filter(own_id).count(),
            tables: states.iter().filter(has_table).count(),
            timers,
            strange_timers: states.iter().filter(came).count() - timers,
        })
    }
}
