// SPDX-License-Identifier: GPL-2.0

//! One queue: the DPCs in it, and what its policy and its counters say.

use super::{
    entry::{
        Arguments,
        Entry,
        Taken,
        NO_QUEUE, //
    },
    list::List,
    policy::{
        Origin,
        Overrun,
        Parameters,
        Policy, //
    },
    status::{
        Cause,
        Routine,
        Status, //
    },
};
use crate::{
    new_raw_spinlock,
    raw_spinlock::RawSpinLock, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
};

/// What has to be done for a DPC that was inserted.
pub(super) struct Inserted {
    pub(super) requests: bool,
    /// Start the ticks, the first of which comes after so many milliseconds.
    pub(super) starts_tick: Option<u32>,
}

/// What has to be done after a tick.
pub(super) struct Ticked {
    pub(super) requests: bool,
    pub(super) next_ms: Option<u32>,
}

/// The name of what runs between two DPCs.
const NOTHING: &str = "-";

#[pin_data]
pub(super) struct Queue {
    /// By what entries know it.
    number: u32,
    /// Whether it is one for threaded DPCs. It does not tick, and has them run at once: their
    /// thread competes with others, which is what delays them.
    is_threaded: bool,
    #[pin]
    inner: RawSpinLock<Inner>,
    /// The depth, for who only wants to know whether to look.
    depth: Atomic<u32>,
}

struct Inner {
    list: List,
    policy: Policy,
    parameters: Parameters,
    status: Status,
    is_ticking: bool,
    /// What runs. It is in use meanwhile, so that its name is there.
    running: &'static str,
}

impl Queue {
    /// An empty queue; `number` is its own, and not [`NO_QUEUE`].
    pub(super) fn new(
        number: u32,
        is_threaded: bool,
        parameters: Parameters,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            number,
            is_threaded,
            inner <- new_raw_spinlock!(Inner {
                list: List::new(),
                policy: Policy::new(&parameters),
                parameters,
                status: Status::default(),
                is_ticking: false,
                running: NOTHING,
            }),
            depth: Atomic::new(0),
        })
    }

    /// Runs `f` with the lock held, and keeps the depth that others see.
    fn with<R>(&self, f: impl FnOnce(&mut Inner) -> R + Send) -> R {
        self.inner.with(|inner, _off| {
            let result = f(inner);
            self.depth.store(inner.policy.depth, Relaxed);
            result
        })
    }

    /// Puts an entry in, unless it is in a queue or is being dropped.
    pub(super) fn insert(
        &self,
        entry: &Entry,
        origin: Origin,
        arguments: Arguments,
    ) -> Option<Inserted> {
        self.with(|inner| {
            // INVARIANT: Set with this queue's lock held.
            entry.queue.cmpxchg(NO_QUEUE, self.number, Full).ok()?;
            // INVARIANT: Counted before it is in the list.
            if !entry.begin_use() {
                // INVARIANT: With the lock held, and it is in no list.
                entry.queue.store(NO_QUEUE, Release);
                return None;
            }
            let importance = entry.importance();
            // SAFETY: It was in no queue, thus in no list; its use ends after it is taken out.
            unsafe { inner.list.push(entry, importance.end(), arguments) };
            let is_urgent = inner.policy.insert(importance, origin, &inner.parameters);
            let requests = is_urgent || (self.is_threaded && inner.policy.request());
            let cause = match origin {
                Origin::Local => Cause::Local,
                Origin::Remote => Cause::Remote,
            };
            inner.note_request(requests, cause);
            let starts_tick =
                (!self.is_threaded && !inner.is_ticking).then_some(inner.parameters.tick_ms);
            inner.is_ticking |= starts_tick.is_some();
            Some(Inserted {
                requests,
                starts_tick,
            })
        })
    }

    /// Takes an entry out. Returns whether it was in this queue.
    pub(super) fn remove(&self, entry: &Entry) -> bool {
        let is_removed = self.with(|inner| {
            if entry.queue.load(Acquire) != self.number {
                return false;
            }
            // SAFETY: By the entry's invariant it is in this queue, as the lock is held.
            unsafe { inner.list.remove(entry) };
            // INVARIANT: Set with the lock held, and it is out of the list.
            entry.queue.store(NO_QUEUE, Release);
            inner.policy.remove();
            inner.status.nr_removed = inner.status.nr_removed.wrapping_add(1);
            true
        });
        if is_removed {
            entry.end_use();
        }
        is_removed
    }

    /// The CPU comes to drain the queue.
    pub(super) fn begin(&self) {
        self.with(|inner| inner.policy.begin());
    }

    /// Takes the first entry off, to be run. If there is none, draining has ended.
    pub(super) fn take(&self) -> Option<Taken> {
        self.with(|inner| {
            let Some((entry, arguments)) = inner.list.pop() else {
                inner.policy.end();
                return None;
            };
            inner.policy.take();
            // SAFETY: It was in the list, and so is in use.
            let this = unsafe { entry.as_ref() };
            inner.running = this.routine;
            // INVARIANT: Set with the lock held, and it is out of the list. From here on it
            // may be inserted again, on any CPU.
            this.queue.store(NO_QUEUE, Release);
            // INVARIANT: The use of the list passes over.
            Some(Taken { entry, arguments })
        })
    }

    /// One that was taken has run, and is still in use.
    pub(super) fn ran(&self, ns: u64) {
        self.with(|inner| {
            inner.running = NOTHING;
            let status = &mut inner.status;
            status.nr_run = status.nr_run.wrapping_add(1);
            status.longest_ns = status.longest_ns.max(ns);
        });
    }

    /// The CPU leaves the queue for a moment.
    pub(super) fn pause(&self) {
        self.with(|inner| inner.policy.pause());
    }

    /// Whether the CPU is to be told to drain what is there, since it has nothing else to do.
    pub(super) fn idle(&self) -> bool {
        self.depth.load(Relaxed) > 0
            && self.with(|inner| {
                let requests = inner.policy.idle(&inner.parameters);
                inner.note_request(requests, Cause::Idle);
                requests
            })
    }

    /// Whether nothing is in the queue and nothing of it runs.
    pub(super) fn is_quiet(&self) -> bool {
        self.with(|inner| inner.policy.depth == 0 && !inner.policy.is_active)
    }

    /// Whether the CPU is to be told to drain it, since somebody waits for that.
    pub(super) fn flush(&self) -> bool {
        self.with(|inner| {
            let requests = inner.policy.request();
            inner.note_request(requests, Cause::Flush);
            requests
        })
    }

    pub(super) fn tick(&self) -> Ticked {
        self.with(|inner| {
            let tick = inner.policy.tick(&inner.parameters);
            inner.note_request(tick.requests, Cause::Tick);
            let status = &mut inner.status;
            for overrun in tick.overruns.into_iter().flatten() {
                let nr = match overrun {
                    Overrun::Dpc => &mut status.nr_dpc_overruns,
                    Overrun::Sum => &mut status.nr_sum_overruns,
                };
                *nr = nr.wrapping_add(1);
                status.last_overrun = Some((overrun, Routine::new(inner.running)));
            }
            inner.is_ticking = !tick.is_at_rest;
            Ticked {
                requests: tick.requests,
                next_ms: inner.is_ticking.then_some(inner.parameters.tick_ms),
            }
        })
    }

    pub(super) fn set_parameters(&self, parameters: Parameters) {
        self.with(|inner| {
            inner.parameters = parameters;
            inner.policy.restart(&parameters);
        });
    }

    pub(super) fn status(&self) -> Status {
        self.with(|inner| {
            let policy = &inner.policy;
            Status {
                depth: policy.depth,
                maximum_depth: policy.maximum_depth,
                rate: policy.rate,
                is_active: policy.is_active,
                is_requested: policy.is_requested,
                nr_inserted: policy.nr_inserted,
                nr_inserted_at_tick: policy.nr_inserted_at_tick,
                nr_ticks: policy.nr_ticks,
                ..inner.status
            }
        })
    }
}

impl Inner {
    fn note_request(&mut self, requests: bool, cause: Cause) {
        let nr = &mut self.status.nr_requests[cause as usize];
        *nr = nr.wrapping_add(u64::from(requests));
    }
}
