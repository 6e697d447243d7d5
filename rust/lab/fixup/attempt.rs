// SPDX-License-Identifier: GPL-2.0

//! Attempts: one access, what came of it, and what was seen.

use super::Case;
use crate::record::SnapshotCell;
use irqlab::{
    context::{
        Kind,
        Snapshot,
        Stack, //
    },
    emit,
    exception::Exception,
    fixup::{
        table::{
            self,
            Entry, //
        },
        End,
        Outcome,
        POISON, //
    },
    text::Text,
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
};

/// One attempt.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) case: &'static Case,
    /// In which context it was to be made.
    pub(crate) kind: Kind,
    /// In which it was.
    pub(crate) at: Option<Snapshot>,
    /// Which address was accessed, 0 for none.
    pub(crate) address: usize,
    /// What came of it; an error if it was not even tried.
    pub(crate) outcome: Result<Outcome>,
    /// How many exceptions it has raised that are reported.
    pub(crate) nr_exceptions: u64,
    /// The first of them.
    pub(crate) exception: Option<Exception>,
    /// The stack that it was handled on.
    pub(crate) stack: Option<Stack>,
}

impl Attempt {
    /// How it ended, if it was tried.
    pub(crate) fn end(&self) -> Option<End> {
        self.outcome.ok().map(|outcome| outcome.end)
    }

    /// The entry for the instruction: found by where the exception was, or, if that
    /// was not reported, by where it went on.
    pub(crate) fn entry(&self) -> Option<Entry> {
        let seen = self.exception.and_then(|exception| exception.entry);
        seen.or_else(|| {
            let resumed_at = self.outcome.ok()?.resumed_at;
            table::entries().find(|entry| entry.fixup == resumed_at)
        })
    }

    pub(crate) fn show_end(&self, text: &mut Text) -> Result {
        match self.outcome {
            Err(error) => emit!(text, "{} -", Error::name(&error).unwrap_or(c"error")),
            Ok(outcome) => {
                match outcome.end {
                    End::Done => emit!(text, "0")?,
                    End::Error(errno) => emit!(text, "{}", errno)?,
                    End::Trapped(vector) => emit!(text, "trap:{}", vector)?,
                }
                match outcome.value {
                    POISON => emit!(text, " -"),
                    value => emit!(text, " {:#x}", value),
                }
            }
        }
    }
}

/// A place for an outcome, written in any context.
pub(super) struct OutcomeCell {
    end: Atomic<u64>,
    value: Atomic<u64>,
    resumed_at: Atomic<usize>,
    at: SnapshotCell,
}

const NONE: u64 = 0;
const DONE: u64 = 1 << 32;
const ERROR: u64 = 2 << 32;
const TRAPPED: u64 = 3 << 32;
const REFUSED: u64 = 4 << 32;

impl OutcomeCell {
    pub(super) fn new() -> Self {
        Self {
            end: Atomic::new(NONE),
            value: Atomic::new(0),
            resumed_at: Atomic::new(0),
            at: SnapshotCell::new(),
        }
    }

    pub(super) fn store(&self, outcome: Result<Outcome>, at: &Snapshot) {
        let errno = |errno: i32| u64::from(errno as u32);
        let end = match outcome {
            Err(error) => REFUSED | errno(error.to_errno()),
            Ok(outcome) => {
                self.value.store(outcome.value, Relaxed);
                self.resumed_at.store(outcome.resumed_at, Relaxed);
                match outcome.end {
                    End::Done => DONE,
                    End::Error(error) => ERROR | errno(error),
                    End::Trapped(vector) => TRAPPED | u64::from(vector),
                }
            }
        };
        self.at.store(at);
        self.end.store(end, Release);
    }

    pub(super) fn load(&self) -> (Result<Outcome>, Option<Snapshot>) {
        let raw = self.end.load(Acquire);
        let low = raw as u32;
        let end = match raw >> 32 << 32 {
            DONE => Ok(End::Done),
            ERROR => Ok(End::Error(low as i32)),
            TRAPPED => Ok(End::Trapped(low as u8)),
            REFUSED => Err(Error::from_errno(low as i32)),
            _ => Err(EIO),
        };
        let outcome = end.map(|end| Outcome {
            end,
            value: self.value.load(Relaxed),
            resumed_at: self.resumed_at.load(Relaxed),
        });
        (outcome, self.at.load())
    }
}
