// SPDX-License-Identifier: GPL-2.0

//! Witnesses: a tape for one experiment, on which the kernel says what it did.

use crate::{
    refusal::{
        Answer,
        Refusal, //
    },
    tape::{
        Noted,
        Tape, //
    },
    watch::{
        watch,
        Event,
        Eyes,
        System,
        Watcher, //
    },
};
use irqlab::{
    cpu::CpuId,
    softirq::{
        Executor,
        Vector, //
    },
    tracepoint::{
        Attached,
        CallFunctionEntry,
        CallFunctionSingleEntry,
        IrqWorkEntry,
        LocalTimerEntry,
        RescheduleEntry,
        SoftirqEntry,
        SoftirqRaise, //
    },
};
use kernel::prelude::*;

/// Sees what matters to an experiment of what the kernel's tracepoints tell, while it lives.
pub(crate) struct Witness(Attached<Eyes<Picky>>);

/// A tape of some events, of one CPU or of all.
struct Picky {
    tape: Tape,
    cpu: Option<CpuId>,
    matters: fn(Event) -> bool,
}

impl Watcher for Picky {
    fn attach(eyes: &mut Attached<Eyes<Self>>) -> Result {
        eyes.to::<SoftirqRaise>()?;
        eyes.to::<SoftirqEntry>()?;
        // Each takes milliseconds, as the kernel patches its code.
        if !(eyes.observer().matters)(Event::Interrupted(System::LocalTimer)) {
            return Ok(());
        }
        eyes.to::<LocalTimerEntry>()?;
        eyes.to::<RescheduleEntry>()?;
        eyes.to::<CallFunctionEntry>()?;
        eyes.to::<CallFunctionSingleEntry>()?;
        eyes.to::<IrqWorkEntry>()
    }

    #[inline]
    fn see(&self, event: Event) {
        let is_elsewhere = self.cpu.is_some_and(|cpu| cpu != CpuId::current());
        if !is_elsewhere && (self.matters)(event) {
            self.tape.see(event);
        }
    }
}

/// What a witness saw, in the order in which it happened.
pub(crate) struct Testimony(KVVec<Noted>);

/// One service of a soft IRQ.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    pub(crate) raised: Noted,
    pub(crate) entered: Noted,
    pub(crate) executor: Executor,
}

impl Witness {
    /// One that keeps what `matters` in mind: of everything, a busy machine has too much.
    pub(crate) fn of(matters: fn(Event) -> bool) -> Result<Self> {
        Self::new(None, matters)
    }

    /// As [`Self::of`], of what happens on one CPU.
    pub(crate) fn on(cpu: CpuId, matters: fn(Event) -> bool) -> Result<Self> {
        Self::new(Some(cpu), matters)
    }

    fn new(cpu: Option<CpuId>, matters: fn(Event) -> bool) -> Result<Self> {
        /// More than an experiment takes on a CPU.
        const MAX_EVENTS: usize = 4096;

        let attached = watch(Picky {
            tape: Tape::new(MAX_EVENTS)?,
            cpu,
            matters,
        })?;
        attached.observer().tape.start();
        Ok(Self(attached))
    }

    /// What it has seen so far.
    ///
    /// Refusals: a skip if it could not keep everything in mind.
    pub(crate) fn testimony(&self) -> Answer<Testimony> {
        let reel = self.0.observer().tape.reel()?;
        let mut events = KVVec::new();
        let mut cursor = reel.begin()?;
        while let Some(noted) = reel.next(&mut cursor) {
            events.push(noted, GFP_KERNEL)?;
        }
        match reel.lost() {
            0 => Ok(Testimony(events)),
            lost => Err(Refusal::skip(fmt!(
                "the machine is too busy: {} events were more than the witness can keep in mind",
                lost
            ))),
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.observer().tape.stop();
    }
}

impl Testimony {
    /// What happened on `cpu` at `since_ns` of its clock, and later.
    pub(crate) fn on(&self, cpu: CpuId, since_ns: u64) -> impl Iterator<Item = Noted> + Clone + '_ {
        let is_there =
            move |noted: &Noted| noted.at.cpu == cpu.as_u32() && noted.at.stamp_ns >= since_ns;
        self.0.iter().copied().filter(is_there)
    }

    /// How `vector` was served after it was first raised there.
    pub(crate) fn service(&self, cpu: CpuId, since_ns: u64, vector: Vector) -> Option<Service> {
        let mut events = self.on(cpu, since_ns);
        let raised = events.find(|noted| noted.event == Event::Raised(vector))?;
        events.find_map(|entered| match entered.event {
            Event::Entered(served, executor) if served == vector => Some(Service {
                raised,
                entered,
                executor,
            }),
            _ => None,
        })
    }

    /// The services of `vector` there.
    pub(crate) fn services(
        &self,
        cpu: CpuId,
        since_ns: u64,
        vector: Vector,
    ) -> impl Iterator<Item = (Noted, Executor)> + Clone + '_ {
        self.on(cpu, since_ns)
            .filter_map(move |noted| match noted.event {
                Event::Entered(served, executor) if served == vector => Some((noted, executor)),
                _ => None,
            })
    }
}
