// SPDX-License-Identifier: GPL-2.0

//! Distributions: how often each magnitude of a latency was seen on one CPU.

use irqlab::histogram::{
    self,
    NR_BUCKETS, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// A histogram that is counted into from any context.
///
/// # Invariants
///
/// `buckets` has [`NR_BUCKETS`] elements.
pub(crate) struct Distribution {
    buckets: KVVec<Atomic<u32>>,
    /// The lowest, or `u64::MAX`.
    min: Atomic<u64>,
    max: Atomic<u64>,
}

impl Distribution {
    pub(crate) fn new() -> Result<Self> {
        let mut buckets = KVVec::with_capacity(NR_BUCKETS, GFP_KERNEL)?;
        for _ in 0..NR_BUCKETS {
            buckets.push(Atomic::new(0), GFP_KERNEL)?;
        }
        // INVARIANT: As many were pushed.
        Ok(Self {
            buckets,
            min: Atomic::new(u64::MAX),
            max: Atomic::new(0),
        })
    }

    #[inline]
    pub(crate) fn count(&self, value: u64) {
        self.buckets[histogram::bucket_of(value)].add(1, Relaxed);
        let mut min = self.min.load(Relaxed);
        while value < min {
            match self.min.cmpxchg(min, value, Relaxed) {
                Ok(_) => break,
                Err(other) => min = other,
            }
        }
        let mut max = self.max.load(Relaxed);
        while value > max {
            match self.max.cmpxchg(max, value, Relaxed) {
                Ok(_) => break,
                Err(other) => max = other,
            }
        }
    }

    /// How many bytes it takes, beside its own size.
    pub(crate) fn nr_bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    pub(crate) fn clear(&self) {
        for bucket in &self.buckets {
            bucket.store(0, Relaxed);
        }
        self.min.store(u64::MAX, Relaxed);
        self.max.store(0, Relaxed);
    }

    /// The count of each bucket, in order.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> + Clone + '_ {
        self.buckets
            .iter()
            .map(|bucket| u64::from(bucket.load(Relaxed)))
    }

    /// The lowest value, exactly; `u64::MAX` if nothing was counted.
    fn min(&self) -> u64 {
        self.min.load(Relaxed)
    }

    /// The highest value, exactly.
    pub(crate) fn max(&self) -> u64 {
        self.max.load(Relaxed)
    }
}

/// What a table says of a distribution. Nanoseconds; 0 if nothing was counted.
#[derive(Clone, Copy, Default)]
pub(crate) struct Summary {
    pub(crate) min: u64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p99_9: u64,
    pub(crate) max: u64,
}

/// All CPUs' distributions as one.
pub(crate) struct Merged {
    counts: KVVec<u64>,
    min: u64,
    max: u64,
}

impl Merged {
    pub(crate) fn new<'a>(parts: impl Iterator<Item = &'a Distribution>) -> Result<Self> {
        let mut counts = KVVec::from_elem(0u64, NR_BUCKETS, GFP_KERNEL)?;
        let (mut min, mut max) = (u64::MAX, 0);
        for part in parts {
            for (sum, count) in counts.iter_mut().zip(part.counts()) {
                *sum = sum.wrapping_add(count);
            }
            min = min.min(part.min());
            max = max.max(part.max());
        }
        Ok(Self { counts, min, max })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.min == u64::MAX
    }

    /// The value at `percentile` hundredths of a percent, never above the maximum.
    fn at(&self, percentile: u32) -> u64 {
        histogram::percentile(self.counts.iter().copied(), percentile)
            .map_or(0, |value| value.min(self.max))
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary {
            min: self.min.min(self.max),
            p50: self.at(histogram::P50),
            p90: self.at(histogram::P90),
            p99: self.at(histogram::P99),
            p99_9: self.at(histogram::P99_9),
            max: self.max,
        }
    }

    /// The buckets that hold something: lower bound, upper bound, count.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(bucket, count)| {
                (
                    histogram::lower_bound(bucket),
                    histogram::upper_bound(bucket),
                    *count,
                )
            })
    }
}
