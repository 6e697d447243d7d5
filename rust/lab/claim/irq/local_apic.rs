// SPDX-License-Identifier: GPL-2.0

//! The parts of the local APICs at work: ids and local interrupts, ICR, TPR.

use crate::{
    claim::prelude::*,
    runs::Runs,
    waiting, //
};
use irqlab::{
    clock,
    context::Unsleeping,
    cpu::{
        self,
        CpuId,
        PerCpu, //
    },
    interrupt::local_interrupt_disable,
    irq_work::IrqWork,
    lapic::{
        self,
        Delivery,
        Source,
        State, //
    },
    smp::{
        self,
        Counter, //
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

/// An interrupt that was sent to another CPU, or to the only one.
pub(super) struct Sent {
    pub(super) from: CpuId,
    pub(super) to: CpuId,
    pub(super) is_in_icr: bool,
    /// How many of its kind the other CPU has counted meanwhile.
    pub(super) counted: u32,
}

impl Sent {
    pub(super) fn to_another(trial: &Trial<'_>) -> Answer<Self> {
        let from = CpuId::current();
        let to = cpu::online().find(|cpu| *cpu != from).unwrap_or(from);
        let before = Counter::Reschedule.on(to);
        let is_in_icr = Atomic::new(false);
        let cpus = core::iter::once(from);
        cpu::run_on(&trial.lab.workers, cpus, trial.task, |_here| {
            let off = local_interrupt_disable();
            if smp::reschedule(to).is_ok() {
                let command = State::read(&off).command;
                let is_it = command.vector() == lapic::RESCHEDULE_VECTOR
                    && command.delivery() == Delivery::Fixed;
                is_in_icr.store(is_it, Relaxed);
            }
        })?;
        let counted = || Counter::Reschedule.on(to).wrapping_sub(before);
        trial.come("an interrupt to another CPU", || counted() > 0)?;
        Ok(Self {
            from,
            to,
            is_in_icr: is_in_icr.load(Relaxed),
            counted: counted(),
        })
    }
}

/// An interrupt to the CPU itself, under a raised task priority.
pub(super) struct Held {
    pub(super) waited: bool,
    pub(super) meanwhile: u64,
    pub(super) after: u64,
}

impl Held {
    pub(super) fn by_priority(trial: &Trial<'_>) -> Answer<Self> {
        const HELD_NS: u64 = 20_000;

        let work = KBox::pin_init(IrqWork::new(Ok(Runs::new())), GFP_KERNEL)?;
        let send = || {
            work.queue();
            let waits = waiting::arrives(lapic::IRQ_WORK_VECTOR);
            clock::spin_ns(HELD_NS);
            (waits, work.count())
        };
        let (waited, meanwhile) = if trial.is_control() {
            send()
        } else {
            lapic::at_highest_priority(trial.task, |_unsleeping| send())
        };
        // In the control it has run.
        trial.come("IRQ work", || work.count() > 0)?;
        Ok(Self {
            waited,
            meanwhile,
            after: work.count() - meanwhile,
        })
    }
}
