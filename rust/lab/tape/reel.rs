// SPDX-License-Identifier: GPL-2.0

//! Reels: what a tape had noted at one moment, which does not change any more.

use super::TimedEvent;
use kernel::prelude::*;

/// The events of all CPUs.
pub(crate) struct Reel {
    /// Those of each CPU, in the order of their stamps.
    cpus: KVec<KVVec<TimedEvent>>,
    lost: u64,
}

/// Where a reader of a reel is: how many events of each CPU it has passed.
pub(crate) struct Cursor(KVec<usize>);

impl Reel {
    pub(super) fn new(cpus: KVec<KVVec<TimedEvent>>, lost: u64) -> Self {
        Self { cpus, lost }
    }

    /// A reel with nothing on it.
    pub(crate) const fn empty() -> Self {
        Self {
            cpus: KVec::new(),
            lost: 0,
        }
    }

    /// How many bytes it takes.
    pub(crate) fn nr_bytes(&self) -> usize {
        let of_events = |events: &KVVec<TimedEvent>| events.capacity() * size_of::<TimedEvent>();
        self.cpus.iter().map(of_events).sum()
    }

    /// How many events the tape had lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// When the first event was.
    pub(crate) fn first_ns(&self) -> u64 {
        let firsts = self.cpus.iter().filter_map(|events| events.first());
        firsts.map(|noted| noted.at.stamp_ns).min().unwrap_or(0)
    }

    /// The beginning.
    ///
    /// Errors: `ENOMEM`.
    pub(crate) fn begin(&self) -> Result<Cursor> {
        Ok(Cursor(KVec::from_elem(0, self.cpus.len(), GFP_KERNEL)?))
    }

    /// The next event in the order of the stamps, which the cursor then has passed.
    pub(crate) fn next(&self, cursor: &mut Cursor) -> Option<TimedEvent> {
        let heads = self
            .cpus
            .iter()
            .zip(&mut cursor.0)
            .filter_map(|(events, passed)| Some((*events.get(*passed)?, passed)));
        let (noted, passed) = heads.min_by_key(|(noted, _)| noted.at.stamp_ns)?;
        *passed += 1;
        Some(noted)
    }
}
