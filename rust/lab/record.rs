// SPDX-License-Identifier: GPL-2.0

//! Records: what happened to each event of one mechanism, and when.
//!
//! Each event has a number. [`Record::raised`] gives it, [`Record::top`] notes
//! which one the top half serves, and [`Record::bottom`] serves that, and wakes the
//! task in [`Record::wait_ms`], which waits for the last event that was raised.
//! What each of them saw is kept per CPU, in atomics: recording takes no lock and
//! allocates nothing, in whatever context.
//!
//! Events may be raised faster than they are served. Then a bottom half serves all
//! those whose top half has run, as the last of them.

use crate::{
    mechanism,
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
    cpu::{
        CpuId,
        PerCpu,
        Set, //
    },
    trace,
};
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
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

    /// How often the stage ran here.
    fn count(&self) -> u64 {
        let mut sum = 0;
        for count in &self.places {
            sum += count.load(Relaxed);
        }
        sum
    }
}

/// What became of the events that a mechanism was given while it was disabled.
#[derive(Clone, Copy)]
pub(crate) struct WhileDisabled {
    /// It took them, and serves them as one when it is enabled.
    pub(crate) kept: u64,
    /// It did not take them: no bottom half serves them.
    pub(crate) refused: u64,
}

/// The record of one mechanism.
#[pin_data]
pub(crate) struct Record {
    seen: [PerCpu<Seen>; 3],
    raised_ns: Atomic<u64>,
    top_ns: Atomic<u64>,
    bottom_ns: Atomic<u64>,
    /// The number of the last event that was raised, of the last that a top half has served,
    /// and of the last that a bottom half has served.
    raised: Atomic<u64>,
    served: Atomic<u64>,
    arrived: Atomic<u64>,
    /// The first event that counts: the others were raised before all was forgotten.
    first: Atomic<u64>,
    is_disabled: Atomic<bool>,
    kept: Atomic<u64>,
    refused: Atomic<u64>,
    /// The number of the last event that came while it was disabled.
    held: Atomic<u64>,
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
            raised: Atomic::new(0),
            served: Atomic::new(0),
            arrived: Atomic::new(0),
            first: Atomic::new(0),
            is_disabled: Atomic::new(false),
            kept: Atomic::new(0),
            refused: Atomic::new(0),
            held: Atomic::new(0),
            told: SetOnce::new(),
            arrival <- Completion::new(),
        })
    }

    /// Has the recorder told, once for all, of the events of the mechanism `number`.
    pub(crate) fn tell(&self, recorder: Arc<Recorder>, number: u32) {
        self.told.populate((recorder, number));
    }

    /// Forgets everything, events that are still on their way too.
    pub(crate) fn clear(&self) {
        self.first.store(self.raised.load(Relaxed) + 1, Relaxed);
        for seen in self.seen.iter().flat_map(PerCpu::iter) {
            seen.clear();
        }
        self.kept.store(0, Relaxed);
        self.refused.store(0, Relaxed);
    }

    /// Starts an event: called just before it is raised on `line`.
    pub(crate) fn raised(&self, line: &str) {
        let event = self.raised.fetch_add(1, Relaxed) + 1;
        trace::note(|| trace::Raise {
            line,
            mechanism: self.mechanism(),
            event,
        });
        if let Some((recorder, number)) = self.told.as_ref() {
            recorder.note_here(Event::Raise(*number));
        }
        self.raised_ns.store(clock::now_ns(), Release);
    }

    /// The top half runs, on the line of this name.
    #[inline]
    pub(crate) fn top(&self, line: &str, now: &Snapshot) {
        let event = self.raised.load(Relaxed);
        let since_ns = self.raised_ns.load(Acquire);
        trace::note(|| trace::Top {
            line,
            mechanism: self.mechanism(),
            event,
            latency_ns: latency_ns(since_ns, now),
        });
        self.note(Stage::Top, event, now, since_ns);
        self.top_ns.store(now.stamp_ns, Relaxed);
        self.served.store(event, Release);
        if let Some((recorder, number)) = self.told.as_ref() {
            recorder.note(Event::Top(*number), now);
        }
    }

    /// The bottom half runs.
    #[inline]
    pub(crate) fn bottom(&self, now: &Snapshot) {
        let event = self.served.load(Acquire);
        let since_ns = self.top_ns.load(Relaxed);
        trace::note(|| trace::Bottom {
            mechanism: self.mechanism(),
            event,
            latency_ns: latency_ns(since_ns, now),
        });
        self.note(Stage::Bottom, event, now, since_ns);
        self.bottom_ns.store(now.stamp_ns, Relaxed);
        if let Some((recorder, number)) = self.told.as_ref() {
            recorder.note(Event::Bottom(*number), now);
        }
        // A full barrier: whoever has consumed the completion that is seen here sees this event.
        self.arrived.xchg(event, Full);
        // Not one more for each event: of those that nobody waits for one is left at most.
        if !self.arrival.is_complete() {
            self.arrival.complete();
        }
    }

    #[inline]
    fn note(&self, stage: Stage, event: u64, now: &Snapshot, since_ns: u64) {
        if event < self.first.load(Relaxed) {
            return;
        }
        let seen = self.seen[stage as usize].local();
        seen.places[Place::of(now).index()].add(1, Relaxed);
        seen.last.store(now);
        seen.latency.count(latency_ns(since_ns, now));
    }

    /// Waits until a bottom half has served the last event that was raised.
    pub(crate) fn wait_ms(&self, task: &Task, ms: u32) -> Waited {
        let event = self.raised.load(Relaxed);
        loop {
            let waited = self.arrival.wait_ms(task, ms);
            if waited != Waited::Completed {
                return waited;
            }
            // Else it is left from an earlier event.
            if self.arrived.load(Acquire) >= event {
                let since_ns = self.bottom_ns.load(Relaxed);
                let now = Snapshot::take();
                trace::note(|| trace::Wake {
                    mechanism: self.mechanism(),
                    event,
                    latency_ns: latency_ns(since_ns, &now),
                });
                self.note(Stage::Waiter, event, &now, since_ns);
                if let Some((recorder, number)) = self.told.as_ref() {
                    recorder.note(Event::Woken(*number), &now);
                }
                return waited;
            }
        }
    }

    /// The name of the mechanism.
    fn mechanism(&self) -> &'static str {
        let told = self.told.as_ref();
        told.map_or("?", |(_, number)| mechanism::name_of(*number))
    }

    /// Notes that the mechanism was disabled, or enabled.
    pub(crate) fn set_disabled(&self, is_disabled: bool) {
        self.is_disabled.store(is_disabled, Relaxed);
    }

    /// Notes that the top half gives the event to the mechanism, and whether it `is_taken`.
    #[inline]
    pub(crate) fn given(&self, is_taken: bool) {
        if self.is_disabled.load(Relaxed) {
            let count = if is_taken { &self.kept } else { &self.refused };
            count.add(1, Relaxed);
            self.held.store(self.raised.load(Relaxed), Relaxed);
        }
    }

    /// Whether the mechanism is disabled, or was when the last event came.
    pub(crate) fn holds_last(&self) -> bool {
        let (held, raised) = (self.held.load(Relaxed), self.raised.load(Relaxed));
        self.is_disabled.load(Relaxed) || held == raised && raised > 0
    }

    /// What became of the events while the mechanism was disabled.
    pub(crate) fn while_disabled(&self) -> WhileDisabled {
        WhileDisabled {
            kept: self.kept.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    /// Each CPU's part, in the order of the CPUs' numbers.
    pub(crate) fn seen(&self, stage: Stage) -> impl Iterator<Item = &Seen> + Clone {
        self.seen[stage as usize].iter()
    }

    /// How often the stage ran, on all CPUs.
    pub(crate) fn count(&self, stage: Stage) -> u64 {
        self.seen(stage).map(Seen::count).sum()
    }

    /// The CPUs on which the stage ran.
    pub(crate) fn cpus(&self, stage: Stage) -> Result<Set> {
        let seen = &self.seen[stage as usize];
        let cpus = (0..nr_cpu_ids()).filter_map(CpuId::from_u32);
        Set::of(cpus.filter(|cpu| seen.of(*cpu).count() > 0))
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

/// Clocks of two CPUs may disagree; what is not positive is 0.
#[inline]
fn latency_ns(since_ns: u64, now: &Snapshot) -> u64 {
    clock::elapsed_ns(since_ns, now.stamp_ns).unwrap_or(0)
}
