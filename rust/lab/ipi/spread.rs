// SPDX-License-Identifier: GPL-2.0

//! How long interrupts took: every one of a measurement, as distributions.

use crate::record::{
    Distribution,
    Merged, //
};
use irqlab::{
    clock,
    emit,
    text::Text, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// What one interrupt took, in nanoseconds.
#[derive(Clone, Copy)]
pub(super) struct Time {
    /// From sending to its handler; `None` if the two CPUs' clocks disagree.
    pub(super) one_way: Option<u64>,
    /// From sending until it is seen to have been handled.
    pub(super) round_trip: u64,
    /// Whether it found interrupts off, as the target's state was.
    pub(super) has_met: bool,
}

/// What interrupts took.
pub(super) struct Times {
    pub(super) one_way: Spread,
    pub(super) round_trip: Spread,
    /// Of how many the clocks say that they came before they were sent.
    pub(super) backwards: Atomic<u64>,
    /// How many found interrupts off.
    pub(super) met: Atomic<u64>,
    /// Of what.
    what: Text,
    /// The smallest step of the clock.
    resolution_ns: u64,
}

/// A distribution.
pub(super) struct Spread(Distribution);

/// What a table says of a [`Spread`], in nanoseconds.
#[derive(Clone, Copy)]
pub(super) struct Figures {
    pub(super) min: u64,
    pub(super) p50: u64,
    pub(super) p99: u64,
    pub(super) max: u64,
}

impl Times {
    pub(super) fn nr_bytes(&self) -> usize {
        size_of::<Self>()
            + self.one_way.0.nr_bytes()
            + self.round_trip.0.nr_bytes()
            + self.what.nr_bytes()
    }

    pub(super) fn new(what: Text) -> Result<Self> {
        Ok(Self {
            one_way: Spread::new()?,
            round_trip: Spread::new()?,
            backwards: Atomic::new(0),
            met: Atomic::new(0),
            what,
            resolution_ns: clock::resolution_ns(clock::Counter::Clock),
        })
    }

    pub(super) fn count(&self, time: Time) {
        self.count_one_way(time.one_way);
        self.round_trip.count(time.round_trip);
        self.met.add(u64::from(time.has_met), Relaxed);
    }

    pub(super) fn count_one_way(&self, one_way: Option<u64>) {
        match one_way {
            Some(ns) => self.one_way.count(ns),
            None => self.backwards.add(1, Relaxed),
        }
    }

    pub(super) fn clear(&self) {
        self.one_way.clear();
        self.round_trip.clear();
        self.backwards.store(0, Relaxed);
        self.met.store(0, Relaxed);
    }
}

impl Spread {
    fn new() -> Result<Self> {
        Ok(Self(Distribution::new()?))
    }

    pub(super) fn count(&self, ns: u64) {
        self.0.count(ns);
    }

    fn clear(&self) {
        self.0.clear();
    }

    /// Nothing, if nothing was counted.
    pub(super) fn figures(&self) -> Result<Option<Figures>> {
        let merged = Merged::new(core::iter::once(&self.0))?;
        if merged.is_empty() {
            return Ok(None);
        }
        let summary = merged.summary();
        Ok(Some(Figures {
            min: summary.min,
            p50: summary.p50,
            p99: summary.p99,
            max: summary.max,
        }))
    }
}

/// Shows all buckets of both distributions, with what part is at or below each.
pub(super) fn show(times: Option<&Times>, text: &mut Text) -> Result {
    emit!(text, "#what from_ns to_ns count cumulative percent\n")?;
    let Some(times) = times else {
        return Ok(());
    };
    emit!(
        text,
        "# {}; in ns; the clock's resolution: {} ns; of {} the clocks say that they came before \
         they were sent\n",
        times.what,
        times.resolution_ns,
        times.backwards.load(Relaxed)
    )?;
    for (what, spread) in [
        ("one_way", &times.one_way),
        ("round_trip", &times.round_trip),
    ] {
        let merged = Merged::new(core::iter::once(&spread.0))?;
        let total: u64 = merged.buckets().map(|(_, _, count)| count).sum();
        let mut below = 0u64;
        for (low, high, count) in merged.buckets() {
            below = below.wrapping_add(count);
            let hundredths = below.saturating_mul(10_000) / total.max(1);
            let (percent, rest) = (hundredths / 100, hundredths % 100);
            emit!(
                text,
                "{what} {low} {high} {count} {below} {percent}.{rest:02}\n"
            )?;
        }
    }
    Ok(())
}
