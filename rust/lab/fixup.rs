// SPDX-License-Identifier: GPL-2.0

//! Fixups: accesses that fault, in every context, and what was seen of each.
//!
//! ```text
//!     case ──▶ place ──address──▶ access, in a context ──▶ outcome ─┐
//!                                    └──exception──▶ seen ──────────┴─▶ attempt
//! ```
//!
//! A [`Case`] names what is done and where; the [`Setting`] has the memory for it and
//! those who watch; an [`Attempt`] is what came of it.

use crate::{
    laboratory::Lab,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::{
        Kind,
        Task, //
    },
    emit,
    fixup::{
        table,
        End, //
    },
    symbol::{
        Address,
        Name, //
    },
    text::Text,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

mod attempt;
mod case;
mod seen;
mod setting;
mod steps;

pub(crate) use attempt::Attempt;
pub(crate) use case::Case;
pub(crate) use seen::Seen;
pub(crate) use setting::Setting;

/// What was attempted so far.
#[pin_data]
pub(crate) struct Fixups {
    #[pin]
    inner: Mutex<Inner>,
}

struct Inner {
    /// One for each case and context.
    tallies: KVec<Tally>,
    last: Option<Attempt>,
}

/// What came of one case in one context.
#[derive(Clone, Copy)]
struct Tally {
    attempts: u64,
    done: u64,
    errors: u64,
    trapped: u64,
    refused: u64,
    seen: u64,
    last: Option<Attempt>,
}

impl Tally {
    const NONE: Tally = Tally {
        attempts: 0,
        done: 0,
        errors: 0,
        trapped: 0,
        refused: 0,
        seen: 0,
        last: None,
    };

    fn count(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        match attempt.outcome {
            Err(_) => self.refused += 1,
            Ok(outcome) => match outcome.end {
                End::Done => self.done += 1,
                End::Error(_) => self.errors += 1,
                End::Trapped(_) => self.trapped += 1,
            },
        }
        self.seen += u64::from(attempt.nr_exceptions > 0);
        self.last = Some(*attempt);
    }
}

/// What to attempt.
pub(crate) struct Plan {
    pub(crate) which: Which,
    /// In which context; all for none.
    pub(crate) kind: Option<Kind>,
    /// How often.
    pub(crate) count: u64,
    /// Where in a page; every time somewhere else for none.
    pub(crate) offset: Option<usize>,
    /// For the cases that want an address of user memory.
    pub(crate) address: Option<usize>,
    /// Where chance begins.
    pub(crate) seed: u64,
}

pub(crate) enum Which {
    One(&'static Case),
    /// One after the other.
    All,
    /// By chance.
    Random,
}

impl Fixups {
    pub(crate) fn new() -> Result<impl PinInit<Self>> {
        let mut tallies = KVec::new();
        for _ in Case::ALL.iter().flat_map(|_| Kind::ALL) {
            tallies.push(Tally::NONE, GFP_KERNEL)?;
        }
        let inner = Inner {
            tallies,
            last: None,
        };
        Ok(pin_init!(Self {
            inner <- new_mutex!(inner, "Fixups::inner"),
        }))
    }

    /// Carries out a plan.
    ///
    /// Refusals: `EBUSY`, `EINTR` after a signal, `EINVAL` if an address is missing,
    /// `EPERM` if it is the kernel's, `ESRCH` for a task without user memory.
    pub(crate) fn run(&self, lab: &Lab, plan: &Plan, task: &Task) -> Answer {
        let experiment = lab.begin(fmt!("fixup/access"))?;
        let mut setting = Setting::new(task)?;
        let mut chance = Chance(plan.seed | 1);
        let is_free = |case: &&Case| !case.wants_address();
        let nr_free = Case::ALL.iter().filter(is_free).count();
        for done in 0..plan.count {
            let chosen = Case::ALL.iter().filter(is_free).nth(chance.below(nr_free));
            let by_chance = chance.below(Kind::ALL.len());
            for (index, case) in Case::ALL.iter().enumerate() {
                let is_meant = match plan.which {
                    Which::One(one) => core::ptr::eq(one, case),
                    Which::All => !case.wants_address(),
                    Which::Random => chosen.is_some_and(|one| core::ptr::eq(one, case)),
                };
                if !is_meant {
                    continue;
                }
                for kind in Kind::ALL {
                    let is_meant = match (plan.kind, &plan.which) {
                        (Some(only), _) => kind == only,
                        (None, Which::Random) => kind as usize == by_chance,
                        (None, _) => true,
                    };
                    if !is_meant {
                        continue;
                    }
                    let offset = plan.offset.unwrap_or_else(|| chance.below(4096));
                    experiment.step(done + 1, plan.count, fmt!("{}", case.name));
                    let attempt = setting.attempt(case, kind, offset, plan.address, task)?;
                    self.note(index, &attempt);
                }
            }
            task.yield_if_needed();
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted after {} of {}", done + 1, plan.count);
            }
        }
        Ok(())
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        let mut inner = self.inner.lock();
        for tally in &mut inner.tallies {
            *tally = Tally::NONE;
        }
        inner.last = None;
    }

    fn note(&self, index: usize, attempt: &Attempt) {
        let mut inner = self.inner.lock();
        let place = index * Kind::ALL.len() + attempt.kind as usize;
        if let Some(tally) = inner.tallies.get_mut(place) {
            tally.count(attempt);
        }
        inner.last = Some(*attempt);
    }

    /// Shows what came of each case in each context.
    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "# the last four columns are of the last attempt\n\
             #case context attempts done errors trapped refused seen vector error_code end value\n"
        )?;
        let inner = self.inner.lock();
        let places = Case::ALL
            .iter()
            .flat_map(|case| Kind::ALL.into_iter().map(move |kind| (case, kind)));
        for ((case, kind), tally) in places.zip(&inner.tallies) {
            let Some(last) = &tally.last else { continue };
            emit!(
                text,
                "{:<19} {:<7} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} ",
                case.name,
                kind,
                tally.attempts,
                tally.done,
                tally.errors,
                tally.trapped,
                tally.refused,
                tally.seen
            )?;
            match &last.exception {
                Some(seen) => emit!(text, "{:<3} {:#x} ", seen.vector, seen.error_code)?,
                None => emit!(text, "{:<3} -   ", "-")?,
            }
            last.show_end(text)?;
            emit!(text, "\n")?;
        }
        Ok(())
    }

    /// Shows what the last attempt went through.
    pub(crate) fn show_steps(&self, text: &mut Text) -> Result {
        emit!(text, "#step what\n")?;
        match &self.inner.lock().last {
            Some(attempt) => steps::show(attempt, text),
            None => Ok(()),
        }
    }
}

/// Shows the exception table of this module.
pub(crate) fn show_table(text: &mut Text) -> Result {
    emit!(
        text,
        "# {} entries of {} bytes\n\
         #entry instruction fixup handler register flags immediate instruction_is fixup_is\n",
        table::len(),
        table::Entry::SIZE
    )?;
    for entry in table::entries() {
        emit!(
            text,
            "{} {} {} {:<10} {:<3} {} {:>3} {} {}\n",
            Address(entry.at),
            Address(entry.instruction),
            Address(entry.fixup),
            entry.handler,
            entry.register_name(),
            entry.flags,
            entry.immediate,
            Name::of(entry.instruction).place(),
            Name::of(entry.fixup).place()
        )?;
    }
    Ok(())
}

/// Chance that can be repeated: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) * limit as u64 >> 32) as usize
    }
}
