// SPDX-License-Identifier: GPL-2.0

//! The worst event: what happened around that one of a run which took longest, as a time line.
//!
//! A tape is on during the run. As soon as an event is over that took longer than all before, what the tape has of
//! the time around it is kept.

use crate::{
    recorder,
    tape::{
        Noted,
        Tape, //
    },
    watch::{
        watch,
        Event,
        Probes,
        Watcher, //
    },
};
use irqlab::{
    context::Snapshot,
    emit,
    text::Text,
    tracepoint::{
        Attached,
        SchedSwitch, //
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

/// What a CPU's part of the tape holds.
const NR_EVENTS: usize = 1024;
/// What is kept of an event, at most.
const MAX_KEPT: usize = 512;
/// How much time before and after the event is kept, too.
const MARGIN_NS: u64 = 200_000;

/// A tape on which tasks are switched as well.
struct Around(Tape);

impl Watcher for Around {
    fn attach(probes: &mut Attached<Probes<Self>>) -> Result {
        Tape::attach_to(probes)?;
        probes.to::<SchedSwitch>()
    }

    #[inline]
    fn see(&self, event: Event) {
        self.0.see(event);
    }
}

/// What is known of the worst event.
#[pin_data]
pub(super) struct Worst {
    tape: Attached<Probes<Around>>,
    #[pin]
    kept: Mutex<Kept>,
}

/// The worst event so far.
#[derive(Default)]
pub(super) struct Kept {
    /// Its number, from 1; 0 for none.
    number: u64,
    nr_events: u64,
    took_ns: u64,
    first_ns: u64,
    events: KVVec<Noted>,
    /// How many more there were in the middle of these.
    left_out: usize,
}

impl Worst {
    pub(super) fn new() -> Result<impl PinInit<Self>> {
        let tape = watch(Around(Tape::new(NR_EVENTS)?))?;
        Ok(pin_init!(Self {
            tape,
            kept <- new_mutex!(Kept::default(), "Worst::kept"),
        }))
    }

    /// Forgets everything, and begins.
    pub(super) fn begin(&self) {
        *self.kept.lock() = Kept::default();
        self.tape.observer().0.start();
    }

    /// Ends, and gives what is known.
    pub(super) fn end(&self) -> Kept {
        self.tape.observer().0.stop();
        core::mem::take(&mut *self.kept.lock())
    }

    /// Notes what the lab does here and now.
    pub(super) fn note(&self, event: Event) {
        self.tape.observer().0.note(event, &Snapshot::take());
    }

    /// An event is over that was raised at `since_ns`; whether what happened around it could be kept, if it was the
    /// worst.
    pub(super) fn event(&self, since_ns: u64, until_ns: u64) -> Result {
        let mut kept = self.kept.lock();
        kept.nr_events += 1;
        let took_ns = until_ns.saturating_sub(since_ns);
        if took_ns <= kept.took_ns {
            return Ok(());
        }
        kept.number = kept.nr_events;
        kept.took_ns = took_ns;
        kept.first_ns = since_ns;
        kept.left_out = 0;
        kept.events.clear();
        let reel = self.tape.observer().0.reel()?;
        let mut cursor = reel.begin()?;
        while let Some(noted) = reel.next(&mut cursor) {
            let stamp_ns = noted.at.stamp_ns;
            if stamp_ns + MARGIN_NS >= since_ns && stamp_ns <= until_ns + MARGIN_NS {
                kept.events.push(noted, GFP_KERNEL)?;
            }
        }
        kept.leave_out()
    }
}

impl Kept {
    /// Leaves out what is in the middle, if it is too much.
    fn leave_out(&mut self) -> Result {
        let left_out = self.events.len().saturating_sub(MAX_KEPT);
        if left_out > 0 {
            let mut events = KVVec::with_capacity(MAX_KEPT, GFP_KERNEL)?;
            for (index, noted) in self.events.iter().enumerate() {
                if index < MAX_KEPT / 2 || index >= MAX_KEPT / 2 + left_out {
                    events.push(*noted, GFP_KERNEL)?;
                }
            }
            self.events = events;
            self.left_out = left_out;
        }
        Ok(())
    }

    /// Its header, and a line for each thing that happened.
    pub(super) fn show(&self, mechanism: &str, text: &mut Text) -> Result {
        if self.number == 0 {
            return emit!(text, "# {mechanism}: no event was served\n");
        }
        let begin_ns = self.first_ns.saturating_sub(MARGIN_NS);
        emit!(
            text,
            "# {mechanism}: event {} of {} took longest, {} ns from its raising at {} until its task ran",
            self.number,
            self.nr_events,
            self.took_ns,
            self.first_ns - begin_ns
        )?;
        emit!(text, "\n")?;
        for (index, noted) in self.events.iter().enumerate() {
            if self.left_out > 0 && index == MAX_KEPT / 2 {
                emit!(text, "# and {} more\n", self.left_out)?;
            }
            recorder::show(text, noted, begin_ns)?;
        }
        Ok(())
    }
}
