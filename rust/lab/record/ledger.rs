// SPDX-License-Identifier: GPL-2.0

//! The ledger: takes what the records have noted from the rings, and enters it into the tallies.
//!
//! It does so when somebody looks at a tally, and now and then when somebody waits for events or raises many.

use super::{
    cost,
    tally::Tally,
    Mark, //
};
use irqlab::{
    context::Task,
    ring::{
        Reader,
        Rings, //
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

/// How many moments each CPU's ring can hold.
const NR_SLOTS: usize = 512;

/// All tallies.
#[pin_data]
pub(crate) struct Ledger {
    #[pin]
    state: Mutex<State>,
}

struct State {
    book: Option<Book>,
    is_slow: bool,
}

struct Book {
    reader: Reader,
    /// How long it takes to note one moment quickly, if the clock shows that.
    cost_ns: Option<u64>,
    /// That of each mechanism, by its number, once it was used.
    tallies: KVec<Option<KBox<Tally>>>,
}

impl Ledger {
    pub(crate) fn new() -> impl PinInit<Self> {
        let state = State {
            book: None,
            is_slow: false,
        };
        pin_init!(Self {
            state <- new_mutex!(state, "Ledger::state"),
        })
    }

    /// Makes the rings, unless they are there, and the tally of the mechanism with this number.
    ///
    /// Errors: `ENOMEM`.
    pub(super) fn open(&self, number: u32) -> Result<Arc<Rings>> {
        let mut state = self.state.lock();
        let State { book, is_slow } = &mut *state;
        if book.is_none() {
            let reader = Rings::with_slots(NR_SLOTS)?;
            let cost_ns = cost::measure()?;
            let counter = reader.rings().counter().name();
            match cost_ns {
                Some(ns) => pr_info!(
                    "to record one event costs {ns} ns; stamps are read from the {counter}\n"
                ),
                None => pr_info!("stamps are read from the {counter}\n"),
            }
            *book = Some(Book {
                reader,
                cost_ns,
                tallies: KVec::new(),
            });
        }
        let Some(book) = book else {
            return Err(EINVAL);
        };
        book.reader.rings().keep_slow(*is_slow);
        // The kernel may have come to mistrust its time stamp counter.
        let before = book.reader.rings().counter();
        book.reader.rings().choose_counter();
        if book.reader.rings().counter() != before {
            book.cost_ns = cost::measure()?;
        }
        while book.tallies.len() <= number as usize {
            book.tallies.push(None, GFP_KERNEL)?;
        }
        let tally = &mut book.tallies[number as usize];
        if tally.is_none() {
            *tally = Some(KBox::new(Tally::new()?, GFP_KERNEL)?);
        }
        Ok(book.reader.rings().clone())
    }

    /// Has records be noted slowly, where somebody else may be told, or quickly again.
    pub(crate) fn keep_slow(&self, is_slow: bool) {
        let mut state = self.state.lock();
        state.is_slow = is_slow;
        if let Some(book) = &state.book {
            book.reader.rings().keep_slow(is_slow);
        }
    }

    /// Enters what the rings hold, so that they have room.
    pub(super) fn enter(&self) {
        if let Some(book) = &mut self.state.lock().book {
            book.enter();
        }
    }

    /// Calls `look` with the tally of the mechanism with this number, which is up to date; nothing if it was
    /// never used.
    pub(super) fn with<R>(&self, number: u32, look: impl FnOnce(&mut Tally) -> R) -> Option<R> {
        let mut state = self.state.lock();
        let Some(book) = &mut state.book else {
            return None;
        };
        book.enter();
        let tally = book.tallies.get_mut(number as usize)?.as_mut()?;
        Some(look(tally))
    }

    /// How long it takes to note one moment: what is measured between two moments has that in it. Nothing if
    /// that is not known: also while moments are noted slowly, as somebody else is told.
    pub(crate) fn cost_ns(&self) -> Option<u64> {
        let state = self.state.lock();
        let book = state.book.as_ref().filter(|_| !state.is_slow)?;
        book.cost_ns
    }

    /// How many bytes the rings take.
    pub(crate) fn ring_bytes(&self) -> usize {
        let state = self.state.lock();
        (state.book.as_ref()).map_or(0, |book| book.reader.nr_bytes())
    }

    /// How many bytes the tallies take.
    pub(crate) fn tally_bytes(&self) -> usize {
        let state = self.state.lock();
        let tallies = state.book.iter().flat_map(|book| &book.tallies);
        tallies.flatten().map(|tally| tally.nr_bytes()).sum()
    }

    /// What stamps are read from.
    pub(crate) fn counter(&self) -> &'static str {
        let state = self.state.lock();
        (state.book.as_ref()).map_or("-", |book| book.reader.rings().counter().name())
    }
}

impl Book {
    fn enter(&mut self) {
        const NR_IN_A_ROW: usize = 256;

        // Bounded, as others go on to note.
        for nth in 1..=self.reader.nr_slots() {
            let Some(noted) = self.reader.next() else {
                return;
            };
            let (mark, event) = Mark::parts_of(noted.tag);
            if let Some(Some(tally)) = self.tallies.get_mut(event.mechanism()) {
                tally.enter(mark, event.number(), noted.cpu, &noted.moment);
            }
            if nth % NR_IN_A_ROW == 0 {
                if let Some(task) = Task::current() {
                    task.yield_if_needed();
                }
            }
        }
    }
}
