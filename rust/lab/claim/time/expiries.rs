// SPDX-License-Identifier: GPL-2.0

//! Expiries: when some timers ran, as the kernel's tracepoints tell.

use crate::claim::prelude::*;
use irqlab::{
    clock,
    context::Unsleeping,
    tracepoint::{
        Attached,
        HrTimerExpireEntry,
        Observer,
        TimerExpireEntry, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
    Arc, //
};

/// Of each timer so many expiries are noted.
pub(super) const MAX_EXPIRIES: usize = 16;

/// Notes expiries while it lives.
pub(super) struct Expiries(Attached<Watched>);

struct Watched(KVec<Series>);

/// The expiries of one timer.
struct Series {
    timer: usize,
    next: Atomic<usize>,
    /// 0 if not written yet.
    stamps_ns: [Atomic<u64>; MAX_EXPIRIES],
    ticks: [Atomic<usize>; MAX_EXPIRIES],
}

/// One expiry: by the clock, and by the kernel's count of ticks.
#[derive(Clone, Copy)]
pub(super) struct Expiry {
    pub(super) stamp_ns: u64,
    pub(super) ticks: usize,
}

impl Expiries {
    /// Those of the timers with these ids.
    pub(super) fn of(timers: impl Iterator<Item = usize>) -> Result<Self> {
        let mut watched = KVec::new();
        for timer in timers {
            let series = Series {
                timer,
                next: Atomic::new(0),
                stamps_ns: [const { Atomic::new(0) }; MAX_EXPIRIES],
                ticks: [const { Atomic::new(0) }; MAX_EXPIRIES],
            };
            watched.push(series, GFP_KERNEL)?;
        }
        let mut attached = Attached::new(Arc::new(Watched(watched), GFP_KERNEL)?);
        attached.to::<TimerExpireEntry>()?;
        attached.to::<HrTimerExpireEntry>()?;
        Ok(Self(attached))
    }

    /// The expiries of a timer so far, in their order.
    pub(super) fn get(&self, timer: usize) -> Result<KVec<Expiry>> {
        let mut expiries = KVec::new();
        let Some(series) = self.0.observer().find(timer) else {
            return Ok(expiries);
        };
        for (stamp_ns, ticks) in series.stamps_ns.iter().zip(&series.ticks) {
            let stamp_ns = stamp_ns.load(Acquire);
            if stamp_ns == 0 {
                break;
            }
            let ticks = ticks.load(Relaxed);
            expiries.push(Expiry { stamp_ns, ticks }, GFP_KERNEL)?;
        }
        Ok(expiries)
    }
}

impl Series {
    fn add(&self) {
        let index = self.next.fetch_add(1, Full);
        if let (Some(stamp_ns), Some(ticks)) = (self.stamps_ns.get(index), self.ticks.get(index)) {
            ticks.store(clock::ticks(), Relaxed);
            stamp_ns.store(clock::now_ns(), Release);
        }
    }
}

impl Watched {
    fn find(&self, timer: usize) -> Option<&Series> {
        self.0.iter().find(|series| series.timer == timer)
    }

    fn note(&self, timer: usize) {
        if let Some(series) = self.find(timer) {
            series.add();
        }
    }
}

impl Observer<TimerExpireEntry> for Watched {
    fn observe(&self, event: &TimerExpireEntry, _context: &Unsleeping) {
        self.note(event.timer);
    }
}

impl Observer<HrTimerExpireEntry> for Watched {
    fn observe(&self, event: &HrTimerExpireEntry, _context: &Unsleeping) {
        self.note(event.timer);
    }
}

/// The middle one, after sorting.
pub(super) fn median(values: &mut [u64]) -> Option<u64> {
    // Not the library's way to sort, which objtool does not like.
    for end in (1..values.len()).rev() {
        for index in 0..end {
            if values[index] > values[index + 1] {
                values.swap(index, index + 1);
            }
        }
    }
    values.get(values.len() / 2).copied()
}
