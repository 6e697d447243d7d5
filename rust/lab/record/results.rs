// SPDX-License-Identifier: GPL-2.0

//! Results: how long the events took to get to each stage, and where that ran.

use super::{
    distribution::Merged,
    event::Stage,
    place::Place,
    Record, //
};
use irqlab::{
    context::Snapshot,
    cpu::Set, //
};
use kernel::prelude::*;

impl Record {
    /// How long it took to get to the stage, on all CPUs.
    pub(crate) fn latency(&self, stage: Stage) -> Result<Merged> {
        self.with(|tally| Merged::new(core::iter::once(&tally.of(stage).latency)))
            .unwrap_or_else(|| Merged::new(core::iter::empty()))
    }

    /// The CPUs on which the stage ran.
    pub(crate) fn cpus(&self, stage: Stage) -> Result<Set> {
        self.with(|tally| Set::of(tally.of(stage).lasts().map(|(cpu, _)| cpu)))
            .unwrap_or_else(Set::new)
    }

    /// The places where the stage ran, and how often, on all CPUs.
    pub(crate) fn places(&self, stage: Stage) -> impl Iterator<Item = (Place, u64)> {
        let counts = self.with(|tally| tally.of(stage).places);
        let counts = counts.unwrap_or([0; Place::COUNT]);
        Place::all()
            .map(move |place| (place, counts[place.index()]))
            .filter(|(_, count)| *count > 0)
    }

    /// Where the stage ran last, on any CPU.
    pub(crate) fn last(&self, stage: Stage) -> Option<Snapshot> {
        self.with(|tally| tally.of(stage).last())?
    }

    /// Where the stage ran last on each CPU, in the order of the CPUs' numbers.
    pub(crate) fn lasts(&self, stage: Stage) -> Result<KVec<Snapshot>> {
        let mut lasts = KVec::new();
        self.with(|tally| {
            for (cpu, moment) in tally.of(stage).lasts() {
                lasts.push(moment.snapshot(cpu), GFP_KERNEL)?;
            }
            Ok::<(), Error>(())
        })
        .unwrap_or(Ok(()))?;
        Ok(lasts)
    }
}
