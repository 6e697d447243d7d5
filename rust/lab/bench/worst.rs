// SPDX-License-Identifier: GPL-2.0

//! The worst event: what happened around that one of a run which took longest, as a time line.
//!
//! A tape is on during the run. As soon as an event is over that took longer than all before, what the tape has of
//! the time around it is kept.

use super::suffered::Suffered;
use crate::{
    recorder,
    tape::{
        Tape, //
        TimedEvent,
    },
    watch::{
        watch,
        Event,
        Probes,
        Watcher, //
    },
};
use irqlab::{
    context::{
        Snapshot,
        Task, //
    },
    debugfs::Stream,
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
    sync::{
        Arc,
        Mutex, //
    },
};

/// What a CPU's part of the tape holds.
const NR_EVENTS: usize = 1024;
/// What is kept of an event, at most.
const MAX_KEPT: usize = 512;
/// How much time before the event is kept, too; and after it, of what other CPUs have noted by then.
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
    kept: Mutex<WorstEvent>,
}

/// The worst event so far.
#[derive(Default)]
pub(super) struct WorstEvent {
    /// Its number, from 1; 0 for none.
    number: u64,
    nr_events: u64,
    took_ns: u64,
    first_ns: u64,
    events: KVVec<TimedEvent>,
    /// How many more there were in the middle of these.
    left_out: usize,
}

impl Worst {
    pub(super) fn new() -> Result<impl PinInit<Self>> {
        let tape = watch(Around(Tape::new(NR_EVENTS)?))?;
        Ok(pin_init!(Self {
            tape,
            kept <- new_mutex!(WorstEvent::default(), "Worst::kept"),
        }))
    }

    /// Forgets everything, and begins.
    pub(super) fn begin(&self) {
        *self.kept.lock() = WorstEvent::default();
        self.tape.observer().0.start();
    }

    /// Ends, and gives what is known.
    pub(super) fn end(&self) -> WorstEvent {
        self.tape.observer().0.stop();
        core::mem::take(&mut *self.kept.lock())
    }

    /// How many bytes it takes while a run has it.
    pub(super) fn nr_bytes(&self) -> usize {
        self.tape.observer().0.nr_bytes() + self.kept.lock().nr_bytes()
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

impl WorstEvent {
    /// How many bytes it takes.
    pub(super) fn nr_bytes(&self) -> usize {
        self.events.capacity() * size_of::<TimedEvent>()
    }

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

    /// The header as line 0, then a line for each thing that happened. Returns whether there was one.
    fn show_line(&self, line: usize, mechanism: &str, text: &mut Text) -> Result<bool> {
        let begin_ns = self.first_ns.saturating_sub(MARGIN_NS);
        let Some(index) = line.checked_sub(1) else {
            self.show_header(begin_ns, mechanism, text)?;
            return Ok(true);
        };
        let Some(noted) = self.events.get(index) else {
            return Ok(false);
        };
        if self.left_out > 0 && index == MAX_KEPT / 2 {
            emit!(text, "# and {} more\n", self.left_out)?;
        }
        recorder::show(text, noted, begin_ns)?;
        Ok(true)
    }

    fn show_header(&self, begin_ns: u64, mechanism: &str, text: &mut Text) -> Result {
        if self.number == 0 {
            return emit!(text, "# {mechanism}: no event was served\n");
        }
        emit!(
            text,
            "# {mechanism}: event {} of {} took longest, {} ns from its raising at {} until its task ran\n",
            self.number,
            self.nr_events,
            self.took_ns,
            self.first_ns - begin_ns
        )
    }
}

/// The worst event of each mechanism of a run, which is written as it is read: that is too long to be kept for each
/// who has it open.
pub(crate) struct ReadWorst {
    all: KVec<Arc<Suffered>>,
    /// How many of them were read to the end.
    nr_read: usize,
    /// The next line of the one after these; nothing before the first of all.
    line: Option<usize>,
}

impl ReadWorst {
    pub(super) fn of(all: KVec<Arc<Suffered>>) -> Self {
        Self {
            all,
            nr_read: 0,
            line: None,
        }
    }
}

impl Stream for ReadWorst {
    fn next(&mut self, text: &mut Text, _task: &Task) -> Result {
        /// Some thousand bytes.
        const NR_LINES: usize = 32;

        if self.line.is_none() {
            emit!(
                text,
                "# what happened around the event that took longest, of each mechanism; time in ns\n"
            )?;
            recorder::show_columns(text)?;
        }
        let mut line = self.line.unwrap_or(0);
        for _ in 0..NR_LINES {
            let Some(one) = self.all.get(self.nr_read) else {
                break;
            };
            if one.worst.show_line(line, one.mechanism, text)? {
                line += 1;
            } else {
                (self.nr_read, line) = (self.nr_read + 1, 0);
            }
        }
        self.line = Some(line);
        Ok(())
    }

    fn rewind(&mut self) {
        (self.nr_read, self.line) = (0, None);
    }
}
