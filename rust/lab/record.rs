// SPDX-License-Identifier: GPL-2.0

//! Records: what happened to each event of one mechanism, and when.
//!
//! One event is on its way at a time: [`Record::raised`], then [`Record::top`]
//! in the top half, then [`Record::bottom`] in the bottom half, which wakes the
//! task in [`Record::wait_ms`]. What each of them saw is kept per CPU, in
//! atomics: recording takes no lock and allocates nothing, in whatever context.

use crate::{
    recorder::Recorder,
    watch::Event, //
};
use irqlab::{
    clock,
    completion::{
        Completion,
        Waited, //
    },
    context::{
        Snapshot,
        Task, //
    },
    cpu::PerCpu,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc,
        SetOnce, //
    },
};

mod cell;
mod distribution;
mod place;

pub(crate) use cell::{
    pack,
    store_words,
    unpack,
    SnapshotCell,
    PACKED, //
};
pub(crate) use distribution::{
    Distribution,
    Merged,
    Summary, //
};
pub(crate) use place::Place;

/// The parts of an interrupt's handling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// From raising to the top half.
    Top,
    /// From the top half to the bottom half.
    Bottom,
    /// From the bottom half to the task that waits for it.
    Waiter,
}

impl Stage {
    pub(crate) const ALL: [Stage; 3] = [Stage::Top, Stage::Bottom, Stage::Waiter];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Stage::Top => "top",
            Stage::Bottom => "bottom",
            Stage::Waiter => "waiter",
        }
    }
}

/// What one stage saw on one CPU.
pub(crate) struct Seen {
    /// How long it took to get here.
    pub(crate) latency: Distribution,
    /// Where this ran last.
    pub(crate) last: SnapshotCell,
    places: [Atomic<u64>; Place::COUNT],
}

impl Seen {
    fn new() -> Result<Self> {
        Ok(Self {
            latency: Distribution::new()?,
            last: SnapshotCell::new(),
            places: [const { Atomic::new(0) }; Place::COUNT],
        })
    }

    fn clear(&self) {
        self.latency.clear();
        for count in &self.places {
            count.store(0, Relaxed);
        }
    }
}

/// The record of one mechanism.
#[pin_data]
pub(crate) struct Record {
    seen: [PerCpu<Seen>; 3],
    raised_ns: Atomic<u64>,
    top_ns: Atomic<u64>,
    bottom_ns: Atomic<u64>,
    /// The number of the event that is on its way, and of the last that arrived.
    current: Atomic<u64>,
    arrived: Atomic<u64>,
    /// Who else is told, and under which number.
    told: SetOnce<(Arc<Recorder>, u32)>,
    #[pin]
    arrival: Completion,
}

impl Record {
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            seen: [seen_per_cpu()?, seen_per_cpu()?, seen_per_cpu()?],
            raised_ns: Atomic::new(0),
            top_ns: Atomic::new(0),
            bottom_ns: Atomic::new(0),
            current: Atomic::new(0),
            arrived: Atomic::new(0),
            told: SetOnce::new(),
            arrival <- Completion::new(),
        })
    }

    /// Has the recorder told, once for all, of the events of the mechanism `number`.
    pub(crate) fn tell(&self, recorder: Arc<Recorder>, number: u32) {
        self.told.populate((recorder, number));
    }

    /// Forgets everything. Events on their way are still recorded.
    pub(crate) fn clear(&self) {
        for seen in self.seen.iter().flat_map(PerCpu::iter) {
            seen.clear();
        }
    }

    /// Starts an event: called just before it is raised.
    pub(crate) fn raised(&self) {
        self.current.fetch_add(1, Relaxed);
        self.raised_ns.store(clock::now_ns(), Release);
    }

    /// The top half runs.
    #[inline]
    pub(crate) fn top(&self, now: &Snapshot) {
        self.note(Stage::Top, now, self.raised_ns.load(Acquire));
        self.top_ns.store(now.stamp_ns, Release);
        if let Some((recorder, number)) = self.told.as_ref() {
            recorder.note(Event::Top(*number), now);
        }
    }

    /// The bottom half runs.
    #[inline]
    pub(crate) fn bottom(&self, now: &Snapshot) {
        let event = self.current.load(Relaxed);
        self.note(Stage::Bottom, now, self.top_ns.load(Acquire));
        self.bottom_ns.store(now.stamp_ns, Relaxed);
        if let Some((recorder, number)) = self.told.as_ref() {
            recorder.note(Event::Bottom(*number), now);
        }
        self.arrived.store(event, Release);
        self.arrival.complete();
    }

    #[inline]
    fn note(&self, stage: Stage, now: &Snapshot, since_ns: u64) {
        let seen = self.seen[stage as usize].local();
        seen.places[Place::of(now).index()].add(1, Relaxed);
        seen.last.store(now);
        // Clocks of two CPUs may disagree; what is not positive is 0.
        seen.latency
            .count(clock::elapsed_ns(since_ns, now.stamp_ns).unwrap_or(0));
    }

    /// Waits until the bottom half of the current event has run.
    pub(crate) fn wait_ms(&self, task: &Task, ms: u32) -> Waited {
        let event = self.current.load(Relaxed);
        loop {
            let waited = self.arrival.wait_ms(task, ms);
            if waited != Waited::Completed {
                return waited;
            }
            // An earlier event that came too late for its own waiter is not it.
            if self.arrived.load(Acquire) >= event {
                let since_ns = self.bottom_ns.load(Relaxed);
                self.note(Stage::Waiter, &Snapshot::take(), since_ns);
                return waited;
            }
        }
    }

    /// Each CPU's part, in the order of the CPUs' numbers.
    pub(crate) fn seen(&self, stage: Stage) -> impl Iterator<Item = &Seen> + Clone {
        self.seen[stage as usize].iter()
    }

    /// How often the stage ran, on all CPUs.
    pub(crate) fn count(&self, stage: Stage) -> u64 {
        let mut sum = 0;
        for count in self.seen(stage).flat_map(|seen| &seen.places) {
            sum += count.load(Relaxed);
        }
        sum
    }

    /// The places where the stage ran, and how often, on all CPUs.
    pub(crate) fn places(&self, stage: Stage) -> impl Iterator<Item = (Place, u64)> + '_ {
        Place::all()
            .map(move |place| {
                let count = |seen: &Seen| seen.places[place.index()].load(Relaxed);
                (place, self.seen(stage).map(count).sum())
            })
            .filter(|(_, count)| *count > 0)
    }

    /// Where the stage ran last, on any CPU.
    pub(crate) fn last(&self, stage: Stage) -> Option<Snapshot> {
        self.seen(stage)
            .filter_map(|seen| seen.last.load())
            .max_by_key(|snapshot| snapshot.stamp_ns)
    }
}

fn seen_per_cpu() -> Result<PerCpu<Seen>> {
    PerCpu::new(Seen::new)
}
