// SPDX-License-Identifier: GPL-2.0

//! The recorder: the lab's own tape, with its switch and its size.
//!
//! What a tape had noted when it was ended is kept once, for all who read it. While it
//! runs, each who opens it has what was noted until then, as a copy.

use crate::{
    record::Ledger,
    refusal::{
        refuse,
        Answer, //
    },
    tape::{
        Reel,
        Tape, //
    },
    watch::{
        watch,
        Event,
        Probes, //
    },
};
use irqlab::{
    context::{
        Snapshot,
        Task, //
    },
    rcu,
    tracepoint::Attached, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

mod reader;

pub(crate) use reader::{
    show,
    show_columns, //
};

use reader::{
    Copies,
    Reader,
    MAX_COPIES, //
};

/// The most events that a CPU's part of the tape can hold.
pub(crate) const MAX_EVENTS: u64 = 16_384;
/// The least.
pub(crate) const MIN_EVENTS: u64 = 16;

/// The recorder.
#[pin_data]
pub(crate) struct Recorder {
    /// Has the lab's halves look whether a tape is on.
    ledger: Arc<Ledger>,
    /// The tape, while it is on: what the lab's halves write to.
    running: rcu::Slot<Probes<Tape>>,
    #[pin]
    state: Mutex<State>,
}

struct State {
    /// The tape that is running.
    attached: Option<Attached<Probes<Tape>>>,
    /// What the last one had noted when it was ended.
    ended: Option<Arc<Reel>>,
    /// Of the running tape.
    copies: Copies,
    nr_events: u64,
}

impl Recorder {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Result<impl PinInit<Self>> {
        const DEFAULT_EVENTS: u64 = 1024;

        let state = State {
            attached: None,
            ended: None,
            copies: Copies::new()?,
            nr_events: DEFAULT_EVENTS,
        };
        Ok(pin_init!(Self {
            ledger,
            running: rcu::Slot::new(),
            state <- new_mutex!(state, "Recorder::state"),
        }))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.state.lock().attached.is_some()
    }

    /// Begins a new tape, unless one is running.
    pub(crate) fn start(&self, task: &Task) -> Answer {
        let mut state = self.state.lock();
        if state.attached.is_none() {
            let attached = watch(Tape::new(state.nr_events as usize)?)?;
            let tape = attached.observer().clone();
            self.running.replace(Some(tape.clone()), task);
            tape.start();
            self.ledger.keep_slow(true);
            state.ended = None;
            state.attached = Some(attached);
        }
        Ok(())
    }

    /// Ends it, if one is running. It can still be read, unless there is no memory for that.
    pub(crate) fn stop(&self, task: &Task) -> Answer {
        let mut state = self.state.lock();
        let Some(attached) = state.attached.take() else {
            return Ok(());
        };
        let tape = attached.observer().clone();
        tape.stop();
        self.ledger.keep_slow(false);
        self.running.replace(None, task);
        drop(attached);
        state.ended = Some(Arc::new(tape.reel()?, GFP_KERNEL)?);
        Ok(())
    }

    /// How many bytes the running tape takes, or what the last one had noted.
    pub(crate) fn nr_bytes(&self) -> usize {
        let state = self.state.lock();
        let running = state.attached.as_ref();
        let running = running.map_or(0, |attached| attached.observer().nr_bytes());
        running + state.ended.as_ref().map_or(0, |reel| reel.nr_bytes())
    }

    /// How many events the tape holds of each CPU.
    pub(crate) fn nr_events(&self) -> u64 {
        self.state.lock().nr_events
    }

    /// Makes it another number, from the next tape on.
    ///
    /// Refusals: `EBUSY` while one is running.
    pub(crate) fn resize(&self, nr_events: u64) -> Answer {
        let mut state = self.state.lock();
        if state.attached.is_some() {
            refuse!(EBUSY, "the tape is running");
        }
        state.nr_events = nr_events;
        Ok(())
    }

    /// Notes what the lab itself does here and now. May be called in any context.
    pub(crate) fn note_here(&self, event: Event) {
        self.running
            .read(|tape, _unsleeping| tape.note(event, &Snapshot::take()));
    }

    /// What is on the tape, to be read in pieces.
    ///
    /// Refusals: `EBUSY` if too many have copies of the running tape.
    pub(crate) fn read(&self) -> Answer<Reader> {
        let state = self.state.lock();
        let Some(attached) = &state.attached else {
            let reel = match &state.ended {
                Some(reel) => reel.clone(),
                None => Arc::new(Reel::empty(), GFP_KERNEL)?,
            };
            return Ok(Reader::new(reel, None));
        };
        let Some(copy) = state.copies.take() else {
            refuse!(
                EBUSY,
                "the tape is running, and {} have it open: end it (echo 0 >tape_on), and any number can",
                MAX_COPIES
            );
        };
        let reel = Arc::new(attached.observer().reel()?, GFP_KERNEL)?;
        Ok(Reader::new(reel, Some(copy)))
    }
}
