// SPDX-License-Identifier: GPL-2.0

//! Witnesses: a tape for one experiment, on which the kernel says what it did.

use crate::{
    refusal::{
        refuse,
        Answer, //
    },
    tape::{
        Noted,
        Tape, //
    },
    watch::{
        watch,
        Event,
        Eyes, //
    },
};
use irqlab::{
    cpu::CpuId,
    softirq::{
        Executor,
        Vector, //
    },
    tracepoint::Attached, //
};
use kernel::prelude::*;

/// Sees everything that the kernel's tracepoints tell, while it lives.
pub(crate) struct Witness(Attached<Eyes<Tape>>);

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
    pub(crate) fn new() -> Result<Self> {
        /// More than an experiment takes on a CPU.
        const MAX_EVENTS: usize = 4096;

        let attached = watch(Tape::new(MAX_EVENTS)?)?;
        attached.observer().start();
        Ok(Self(attached))
    }

    /// What it has seen so far.
    ///
    /// Refusals: `EIO` if it could not keep everything in mind.
    pub(crate) fn testimony(&self) -> Answer<Testimony> {
        let tape = self.0.observer();
        let mut events = KVVec::new();
        for noted in tape.events()? {
            events.push(noted, GFP_KERNEL)?;
        }
        match tape.lost() {
            0 => Ok(Testimony(events)),
            lost => refuse!(EIO, "the witness has lost {} events", lost),
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.observer().stop();
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
