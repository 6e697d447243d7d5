// SPDX-License-Identifier: GPL-2.0

//! Tallies: what is known of the events of one mechanism.
//!
//! An event has a number, and its moments come in the order of their stamps, as far as CPUs agree on
//! the time: raised, top half, bottom half, task. What is known of the last [`NR_WAYS`] numbers is kept, so that
//! those may come in any order.

use super::{
    latency_ns,
    Distribution,
    Mark,
    Place,
    Stage, //
};
use core::cmp::Ordering;
use irqlab::{
    clock::Stamp,
    context::{
        Moment,
        Snapshot, //
    },
    cpu::CpuId,
};
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*, //
};

/// How many events may be on their way at once, and each be measured.
const NR_WAYS: usize = 128;

/// All that is known of a mechanism's events.
pub(super) struct Tally {
    pub(super) seen: [Seen; 3],
    ways: KVVec<Way>,
    /// The first event that counts: the others were raised before all was forgotten.
    first: u64,
    /// The last event that a bottom half has served.
    last_served: u64,
}

/// What one stage saw.
pub(super) struct Seen {
    /// How long it took to get here.
    pub(super) latency: Distribution,
    pub(super) places: [u64; Place::COUNT],
    /// How often it ran where nothing is known of the stage before it.
    pub(super) nr_unmatched: u64,
    /// Its last moment on each CPU.
    last: KVVec<Option<Moment>>,
}

/// The way of one event: when it was where.
#[derive(Clone, Copy)]
struct Way {
    event: u64,
    /// 0 where it has not been.
    at: [u64; Mark::ALL.len()],
    /// Whether the way from one to the next has been counted.
    is_counted: [bool; Mark::ALL.len()],
}

impl Tally {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            seen: [Seen::new()?, Seen::new()?, Seen::new()?],
            ways: KVVec::from_elem(Way::of(0), NR_WAYS, GFP_KERNEL)?,
            first: 0,
            last_served: 0,
        })
    }

    pub(super) fn nr_bytes(&self) -> usize {
        let of_seen = |seen: &Seen| seen.latency.nr_bytes() + size_of_val(&*seen.last);
        size_of::<Self>() + size_of_val(&*self.ways) + self.seen.iter().map(of_seen).sum::<usize>()
    }

    /// Forgets everything that was before the event `first`.
    pub(super) fn clear(&mut self, first: u64) {
        self.first = first;
        self.last_served = first.saturating_sub(1);
        for seen in &mut self.seen {
            seen.clear();
        }
        // Those that are on their way would be missed by somebody who did not see them come.
        for way in &mut self.ways {
            *way = Way::of(0);
        }
    }

    pub(super) fn of(&self, stage: Stage) -> &Seen {
        &self.seen[stage as usize]
    }

    /// How many events of `raised`, the number of the last one, count.
    pub(super) fn nr_raised(&self, raised: u64) -> u64 {
        (raised + 1).saturating_sub(self.first.max(1))
    }

    pub(super) fn last_served(&self) -> u64 {
        self.last_served
    }

    /// Enters a moment.
    pub(super) fn enter(&mut self, mark: Mark, event: u64, cpu: CpuId, moment: &Moment) {
        if event < self.first {
            return;
        }
        if let Some(stage) = mark.stage() {
            self.seen[stage as usize].ran(cpu, moment);
        }
        if mark == Mark::Bottom {
            self.last_served = self.last_served.max(event);
        }
        let way = &mut self.ways[event as usize % NR_WAYS];
        match way.event.cmp(&event) {
            Ordering::Equal => (),
            Ordering::Less => {
                way.leave(&mut self.seen);
                *way = Way::of(event);
            }
            // So long ago that nobody knows of it any more.
            Ordering::Greater => {
                if let Some(stage) = mark.stage() {
                    self.seen[stage as usize].nr_unmatched += 1;
                }
                return;
            }
        }
        way.pass(mark, moment.stamp(), &mut self.seen);
    }
}

impl Seen {
    fn new() -> Result<Self> {
        Ok(Self {
            latency: Distribution::new()?,
            places: [0; Place::COUNT],
            nr_unmatched: 0,
            last: KVVec::from_elem(None, nr_cpu_ids() as usize, GFP_KERNEL)?,
        })
    }

    fn clear(&mut self) {
        self.latency.clear();
        self.places = [0; Place::COUNT];
        self.nr_unmatched = 0;
        for last in &mut self.last {
            *last = None;
        }
    }

    fn ran(&mut self, cpu: CpuId, moment: &Moment) {
        self.places[Place::of(&moment.snapshot_at(0, cpu)).index()] += 1;
        if let Some(last) = self.last.get_mut(cpu.as_u32() as usize) {
            *last = Some(*moment);
        }
    }

    /// How often it ran.
    pub(super) fn count(&self) -> u64 {
        self.places.iter().sum()
    }

    /// Its last moments, with the CPUs.
    pub(super) fn lasts(&self) -> impl Iterator<Item = (CpuId, &Moment)> {
        let cpus = (0..nr_cpu_ids()).filter_map(CpuId::from_u32);
        cpus.zip(&self.last)
            .filter_map(|(cpu, last)| Some((cpu, last.as_ref()?)))
    }

    /// Its last moment on any CPU.
    pub(super) fn last(&self) -> Option<Snapshot> {
        let mut last: Option<(CpuId, &Moment)> = None;
        for (cpu, moment) in self.lasts() {
            if last.is_none_or(|(_, other)| moment.stamp() > other.stamp()) {
                last = Some((cpu, moment));
            }
        }
        last.map(|(cpu, moment)| moment.snapshot(cpu))
    }
}

impl Way {
    const fn of(event: u64) -> Self {
        Self {
            event,
            at: [0; Mark::ALL.len()],
            is_counted: [true; Mark::ALL.len()],
        }
    }

    /// It passes `mark`, again perhaps: a half that finds nothing new serves the last event once more.
    fn pass(&mut self, mark: Mark, stamp: Stamp, seen: &mut [Seen; 3]) {
        let index = mark as usize;
        if let (false, Some(stage)) = (self.is_counted[index], mark.stage()) {
            seen[stage as usize].nr_unmatched += 1;
        }
        self.at[index] = stamp.into_raw();
        self.is_counted[index] = false;
        for mark in [Some(mark), mark.next()].into_iter().flatten() {
            self.count(mark, seen);
        }
    }

    /// Counts how long it took to get to `mark`, once both ends are known.
    fn count(&mut self, mark: Mark, seen: &mut [Seen; 3]) {
        let index = mark as usize;
        let (Some(stage), false) = (mark.stage(), self.is_counted[index]) else {
            return;
        };
        if let Some(ns) = latency_ns(self.at[index - 1], self.at[index]) {
            seen[stage as usize].latency.count(ns);
            self.is_counted[index] = true;
        }
    }

    /// What is not counted by now never will be.
    fn leave(&self, seen: &mut [Seen; 3]) {
        for stage in Stage::ALL {
            if !self.is_counted[Mark::of(stage) as usize] {
                seen[stage as usize].nr_unmatched += 1;
            }
        }
    }
}
