// SPDX-License-Identifier: GPL-2.0

//! Witnesses: a tape for one experiment, on which the kernel says what it did.

use crate::{
    refusal::{
        Answer,
        Obstacle,
        Refusal, //
    },
    tape::{
        Tape, //
        TimedEvent,
    },
    watch::{
        watch,
        Event,
        Probes,
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
pub(crate) struct Witness(Attached<Probes<FilteredTape>>);

/// A tape of some events, of one CPU or of all.
struct FilteredTape {
    tape: Tape,
    cpu: Option<CpuId>,
    matters: fn(Event) -> bool,
}

impl Watcher for FilteredTape {
    fn attach(probes: &mut Attached<Probes<Self>>) -> Result {
        probes.to::<SoftirqRaise>()?;
        probes.to::<SoftirqEntry>()?;
        // Each takes milliseconds, as the kernel patches its code.
        if !(probes.observer().matters)(Event::Interrupted(System::LocalTimer)) {
            return Ok(());
        }
        probes.to::<LocalTimerEntry>()?;
        probes.to::<RescheduleEntry>()?;
        probes.to::<CallFunctionEntry>()?;
        probes.to::<CallFunctionSingleEntry>()?;
        probes.to::<IrqWorkEntry>()
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
pub(crate) struct Events(KVVec<TimedEvent>);

/// One service of a soft IRQ.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    pub(crate) raised: TimedEvent,
    pub(crate) entered: TimedEvent,
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

        let attached = watch(FilteredTape {
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
    pub(crate) fn events(&self) -> Answer<Events> {
        let reel = self.0.observer().tape.reel()?;
        let mut events = KVVec::new();
        let mut cursor = reel.begin()?;
        while let Some(noted) = reel.next(&mut cursor) {
            events.push(noted, GFP_KERNEL)?;
        }
        match reel.lost() {
            0 => Ok(Events(events)),
            lost => Err(Refusal::skip(
                Obstacle::Busy,
                fmt!("{lost} events were more than the witness can keep in mind"),
            )),
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.observer().tape.stop();
    }
}

impl Events {
    /// What happened on `cpu` at `since_ns` of its clock, and later.
    pub(crate) fn on(&self, cpu: CpuId, since_ns: u64) -> On<'_> {
        On {
            rest: &self.0,
            cpu,
            since_ns,
        }
    }

    /// How `vector` was served after it was first raised there.
    pub(crate) fn service(&self, cpu: CpuId, since_ns: u64, vector: Vector) -> Option<Service> {
        let mut events = self.on(cpu, since_ns);
        let raised = events.find(|noted| noted.event == Event::Raised(vector))?;
        let (entered, executor) = Services::after(events, vector).next()?;
        Some(Service {
            raised,
            entered,
            executor,
        })
    }

    /// The services of `vector` there.
    pub(crate) fn services(&self, cpu: CpuId, since_ns: u64, vector: Vector) -> Services<'_> {
        Services::after(self.on(cpu, since_ns), vector)
    }
}

/// The events on one CPU, in their order: see [`Events::on`].
// Not a chain of the library's adapters, whose names become longer than the symbol table of the kernel takes.
#[derive(Clone)]
pub(crate) struct On<'a> {
    rest: &'a [TimedEvent],
    cpu: CpuId,
    since_ns: u64,
}

impl Iterator for On<'_> {
    type Item = TimedEvent;

    fn next(&mut self) -> Option<TimedEvent> {
        while let Some((noted, rest)) = self.rest.split_first() {
            self.rest = rest;
            if noted.at.cpu == self.cpu.as_u32() && noted.at.stamp_ns >= self.since_ns {
                return Some(*noted);
            }
        }
        None
    }
}

/// The services of one soft IRQ on one CPU, and who served it: see [`Events::services`].
#[derive(Clone)]
pub(crate) struct Services<'a> {
    events: On<'a>,
    vector: Vector,
}

impl<'a> Services<'a> {
    /// Those among the rest of the events of a CPU.
    pub(crate) fn after(events: On<'a>, vector: Vector) -> Self {
        Self { events, vector }
    }

    /// How many of them were by `wanted`.
    pub(crate) fn by(self, wanted: Executor) -> usize {
        let mut count = 0;
        for (_, executor) in self {
            count += usize::from(executor == wanted);
        }
        count
    }
}

impl Iterator for Services<'_> {
    type Item = (TimedEvent, Executor);

    fn next(&mut self) -> Option<(TimedEvent, Executor)> {
        loop {
            let noted = self.events.next()?;
            match noted.event {
                Event::Entered(vector, executor) if vector == self.vector => {
                    return Some((noted, executor))
                }
                _ => (),
            }
        }
    }
}
