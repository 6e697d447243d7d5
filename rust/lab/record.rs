// SPDX-License-Identifier: GPL-2.0

//! Records: what happened to each event of one mechanism, and when.
//!
//! Each event has a number. [`Record::raised`] gives it, [`Record::top`] notes
//! which one the top half serves, and [`Record::bottom`] serves that, and wakes the
//! task in [`Record::wait_ms`], which waits for the last event that was raised.
//! What each of them saw goes into a [ring](irqlab::ring) as it is: recording takes no lock, makes no call and
//! allocates nothing, in whatever context. The [`Ledger`] makes sense of it afterwards.
//!
//! Events may be raised faster than they are served. Then a half serves all those that were there
//! before it, as the last of them: see [`Account`].

use crate::{
    mechanism,
    recorder::Recorder,
    watch,
    work::Work, //
};
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use event::{
    Event,
    Mark, //
};
use irqlab::{
    clock::Stamp,
    completion::{
        Completion,
        Waited, //
    },
    context::Task,
    ring::Writer,
    trace,
    word::Word,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        SetOnce, //
    },
};
use tally::Tally;

mod account;
mod cell;
mod cost;
mod distribution;
mod event;
mod ledger;
mod place;
mod results;
mod tally;

pub(crate) use account::{
    Account,
    WhileDisabled, //
};
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
pub(crate) use event::Stage;
pub(crate) use ledger::Ledger;
pub(crate) use place::Place;

/// The record of one mechanism.
#[pin_data]
pub(crate) struct Record {
    writer: Writer,
    /// When an event was last raised, and when each half has run last: stamps.
    raised_at: Word,
    top_at: Word,
    bottom_at: Word,
    /// The last event that was raised, the last that a top half has served, and the last that a bottom half has
    /// served: each an [`Event`].
    raised: AtomicU64,
    served: Word,
    arrived: Word,
    is_disabled: Word,
    kept: Atomic<u64>,
    refused: Atomic<u64>,
    /// The last event that came while it was disabled, and the last that was refused.
    held: Atomic<u64>,
    last_refused: Atomic<u64>,
    /// How many moments of each kind found no room.
    nr_lost: [Atomic<u64>; Mark::ALL.len()],
    /// Where all is entered, who else is told, and under which number.
    told: SetOnce<Told>,
    /// What the halves do besides.
    pub(crate) work: Work,
    #[pin]
    arrival: Completion,
}

struct Told {
    ledger: Arc<Ledger>,
    recorder: Arc<Recorder>,
    number: u32,
}

impl Record {
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            writer: Writer::new(),
            raised_at: Word::new(0),
            top_at: Word::new(0),
            bottom_at: Word::new(0),
            raised: AtomicU64::new(0),
            served: Word::new(0),
            arrived: Word::new(0),
            is_disabled: Word::new(0),
            kept: Atomic::new(0),
            refused: Atomic::new(0),
            held: Atomic::new(0),
            last_refused: Atomic::new(0),
            nr_lost: [const { Atomic::new(0) }; Mark::ALL.len()],
            told: SetOnce::new(),
            work: Work::new(),
            arrival <- Completion::new(),
        })
    }

    /// Has the events of the mechanism `number` entered into the ledger, and the recorder told of them. Once for
    /// all.
    pub(crate) fn tell(&self, ledger: Arc<Ledger>, recorder: Arc<Recorder>, number: u32) {
        let none = Event::none_of(number).0;
        self.raised.store(none, Ordering::Relaxed);
        self.served.store(none);
        self.told.populate(Told {
            ledger,
            recorder,
            number,
        });
    }

    /// To be called before there are events to be recorded.
    ///
    /// Errors: `ENOMEM`.
    pub(crate) fn open(&self) -> Result {
        if let Some(told) = self.told.as_ref() {
            self.writer.connect(&told.ledger.open(told.number)?);
        }
        Ok(())
    }

    /// Forgets everything, events that are still on their way too.
    pub(crate) fn clear(&self) {
        let last = self.last_raised();
        self.with(|tally| {
            tally.clear(last.number() + 1);
            for count in Iterator::chain([&self.kept, &self.refused].into_iter(), &self.nr_lost) {
                count.store(0, Relaxed);
            }
        });
    }

    /// Starts an event: called just before it is raised on `line`.
    pub(crate) fn raised(&self, line: &str) {
        let event = Event(self.raised.fetch_add(1, Ordering::Relaxed) + 1);
        trace::note(|| trace::Raise {
            line,
            mechanism: self.mechanism(),
            event: event.number(),
        });
        let stamp = match self.note_quickly(Mark::Raised, event) {
            Some(stamp) => stamp,
            None => {
                self.tape(watch::Event::Raise);
                self.note(Mark::Raised, event)
            }
        };
        self.raised_at.store_release(stamp.into_raw());
    }

    /// The top half runs, on the line of this name.
    #[inline]
    pub(crate) fn top(&self, line: &str) {
        let event = self.last_raised();
        if trace::is_traced::<trace::Top<'_>>() || !self.top_quickly(event) {
            self.top_slowly(line, event);
        }
    }

    /// Returns whether that could be.
    #[inline(always)]
    fn top_quickly(&self, event: Event) -> bool {
        let stamp = self.note_quickly(Mark::Top, event);
        stamp.is_some_and(|stamp| {
            self.has_topped(event, stamp);
            true
        })
    }

    /// As [`Self::top`], where more is to be done, or cannot be done as quickly.
    #[cold]
    #[inline(never)]
    fn top_slowly(&self, line: &str, event: Event) {
        let stamp = self.note(Mark::Top, event);
        trace::note(|| trace::Top {
            line,
            mechanism: self.mechanism(),
            event: event.number(),
            latency_ns: latency_ns(self.raised_at.load_acquire(), stamp.into_raw()).unwrap_or(0),
        });
        self.tape(watch::Event::Top);
        self.has_topped(event, stamp);
    }

    #[inline(always)]
    fn has_topped(&self, event: Event, stamp: Stamp) {
        self.top_at.store(stamp.into_raw());
        self.served.store_release(event.0);
        self.work.top();
    }

    /// Whether a top half has served the last event that was raised.
    pub(crate) fn is_served(&self) -> bool {
        self.served.load() == self.last_raised().0
    }

    /// The bottom half runs.
    #[inline]
    pub(crate) fn bottom(&self) {
        let mut event = Event(self.served.load_acquire());
        if trace::is_traced::<trace::Bottom<'_>>() || !self.bottom_quickly(event) {
            event = self.bottom_slowly(event);
        }
        self.work.bottom();
        // A full barrier: whoever has consumed the completion that is seen here sees this event.
        self.arrived.swap(event.0);
        // Not one more for each event: of those that nobody waits for one is left at most.
        if !self.arrival.is_complete() {
            self.arrival.complete();
        }
    }

    /// Returns whether that could be.
    #[inline(always)]
    fn bottom_quickly(&self, event: Event) -> bool {
        let stamp = self.note_quickly(Mark::Bottom, event);
        stamp.is_some_and(|stamp| {
            self.bottom_at.store(stamp.into_raw());
            true
        })
    }

    /// Returns the event, so that who calls this need not keep it.
    #[cold]
    #[inline(never)]
    fn bottom_slowly(&self, event: Event) -> Event {
        let stamp = self.note(Mark::Bottom, event);
        trace::note(|| trace::Bottom {
            mechanism: self.mechanism(),
            event: event.number(),
            latency_ns: latency_ns(self.top_at.load(), stamp.into_raw()).unwrap_or(0),
        });
        self.bottom_at.store(stamp.into_raw());
        self.tape(watch::Event::Bottom);
        event
    }

    #[inline(always)]
    fn note_quickly(&self, mark: Mark, event: Event) -> Option<Stamp> {
        self.writer.note_quickly(|| mark.tag(event))
    }

    #[cold]
    #[inline(never)]
    fn note(&self, mark: Mark, event: Event) -> Stamp {
        let noted = self.writer.note(mark.tag(event), || {
            self.nr_lost[mark as usize].fetch_add(1, Relaxed);
        });
        // Without rings nothing is measured.
        noted.unwrap_or(Stamp::from_raw(0))
    }

    #[inline(always)]
    fn last_raised(&self) -> Event {
        Event(self.raised.load(Ordering::Relaxed))
    }

    /// Tells the tape, if one is running. Then nothing is noted quickly.
    fn tape(&self, event: fn(u32) -> watch::Event) {
        if let Some(told) = self.told.as_ref() {
            told.recorder.note_here(event(told.number));
        }
    }

    /// Waits until a bottom half has served the last event that was raised.
    pub(crate) fn wait_ms(&self, task: &Task, ms: u32) -> Waited {
        let event = self.last_raised();
        loop {
            let waited = self.arrival.wait_ms(task, ms);
            if waited != Waited::Completed {
                return waited;
            }
            // Else it is left from an earlier event.
            let arrived = Event(self.arrived.load_acquire());
            if arrived >= event {
                let stamp = self.note(Mark::Woken, arrived);
                trace::note(|| trace::Wake {
                    mechanism: self.mechanism(),
                    event: event.number(),
                    latency_ns: latency_ns(self.bottom_at.load(), stamp.into_raw()).unwrap_or(0),
                });
                self.tape(watch::Event::Woken);
                self.make_room();
                return waited;
            }
        }
    }

    /// Sees to it that what is recorded finds room. To be called by who raises many events, after each, where
    /// it may sleep.
    pub(crate) fn make_room(&self) {
        /// Of as many events all moments have room, on whatever CPU, if ten tasks raise as many at once.
        const NR_EVENTS: u64 = 16;

        if self.last_raised().number() % NR_EVENTS == 0 {
            if let Some(told) = self.told.as_ref() {
                told.ledger.enter();
            }
        }
    }

    /// The name of the mechanism.
    fn mechanism(&self) -> &'static str {
        let told = self.told.as_ref();
        told.map_or("?", |told| mechanism::name_of(told.number))
    }

    /// Calls `look` with what is known by now; nothing if the mechanism was never used.
    fn with<R>(&self, look: impl FnOnce(&mut Tally) -> R) -> Option<R> {
        let told = self.told.as_ref()?;
        told.ledger.with(told.number, look)
    }
}

/// The time from one raw stamp to another; nothing if one of them is not there, or they are of different counters.
/// Clocks of two CPUs may disagree: what is not positive is 0.
fn latency_ns(since: u64, stamp: u64) -> Option<u64> {
    if since == 0 || stamp == 0 {
        return None;
    }
    let (since, stamp) = (Stamp::from_raw(since), Stamp::from_raw(stamp));
    let is_before = || since.since_ns(stamp).map(|_| 0);
    stamp.since_ns(since).or_else(is_before)
}
