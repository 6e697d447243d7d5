// SPDX-License-Identifier: GPL-2.0

//! The bench's events: raised one after the other, on the CPU that was asked for.

use super::{
    row::{
        End,
        Sent, //
    },
    together::Together,
    Plan,
    Watched, //
};
use crate::{
    laboratory::Lab,
    line::Line,
    record::Record,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    clock,
    completion::Waited,
    context::Task,
    cpu::{
        self,
        Bound, //
    },
    word::Word,
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// How long an event may take before it is lost.
const PATIENCE_MS: u32 = 2000;

/// How many events may be lost in a row.
const PATIENCE_EVENTS: u64 = 4;

/// How long nobody looks for a reason to end early.
const STEP_MS: u32 = 50;

/// Sends one event down a line with the mechanism of `record` attached, and waits until its
/// bottom half has run.
pub(crate) fn send(line: &Line, record: &Record, task: &Task) -> Result<Waited> {
    line.raise_for(record)?;
    Ok(record.wait_ms(task, PATIENCE_MS))
}

/// Sends the plan's events down the line, on the plan's CPU.
///
/// Refusals: `ENXIO` if that is offline.
pub(super) fn send_all(
    lab: &Lab,
    plan: &Plan,
    together: &Together<'_>,
    record: &Record,
    watched: Option<&Watched<'_>>,
    task: &Task,
) -> Answer<Sent> {
    let sending = Sending {
        plan,
        together,
        record,
        events: Word::new(0),
        lost: Word::new(0),
        watched,
        end: Atomic::new(End::Done as u32),
    };
    let sent = cpu::run_bound(&lab.workers, plan.cpu, task, |bound| {
        sending.end.store(sending.run(bound) as u32, Relaxed);
    });
    match sent {
        Ok(()) => Ok(sending.sent()),
        Err(ENXIO) => refuse!(ENXIO, "CPU {} is offline", plan.cpu.as_u32()),
        Err(error) => Err(error.into()),
    }
}

/// The events of one mechanism, while they are sent.
struct Sending<'a> {
    plan: &'a Plan,
    together: &'a Together<'a>,
    record: &'a Record,
    /// Who watches, too.
    watched: Option<&'a Watched<'a>>,
    events: Word,
    lost: Word,
    /// An [`End`].
    end: Atomic<u32>,
}

impl Sending<'_> {
    fn sent(&self) -> Sent {
        let end = self.end.load(Relaxed);
        Sent {
            events: self.events.load(),
            lost: self.lost.load(),
            end: End::ALL
                .into_iter()
                .find(|one| *one as u32 == end)
                .unwrap_or(End::Done),
        }
    }

    /// Sends them from here. Returns why this ended.
    fn run(&self, bound: &Bound<'_>) -> End {
        let begin_ns = clock::now_ns();
        let mut lost_in_a_row = 0;
        for _ in 0..self.plan.count {
            let start_ns = clock::now_ns();
            if let Some(end) = self.must_end(bound) {
                return end;
            }
            if lost_in_a_row > PATIENCE_EVENTS {
                return End::Lost;
            }
            if self.is_late(begin_ns) {
                return End::Time;
            }
            if let Some(watched) = self.watched {
                watched.victims.see_raised();
            }
            let raised_ns = clock::now_ns();
            if self.raise(bound, begin_ns).is_err() {
                return End::Source;
            }
            self.events.fetch_add(1);
            if self.arrives(bound) {
                lost_in_a_row = 0;
                if let Some(watched) = self.watched {
                    watched.victims.see_woken(raised_ns);
                }
            } else {
                lost_in_a_row += 1;
                self.lost.fetch_add(1);
            }
            self.keep_period(start_ns, bound);
        }
        // The last may have been one too many for the CPU.
        if self.has_left(bound) {
            End::Cpu
        } else {
            End::Done
        }
    }

    /// Raises an event, with a lock held for which its bottom half contends, if that is wanted.
    fn raise(&self, bound: &Bound<'_>, begin_ns: u64) -> Result {
        let now = || self.raise_burst(bound, begin_ns);
        let contention = |watched: &Watched<'_>| watched.victims.contention();
        match self.watched.and_then(contention) {
            Some(contention) => contention.raise(bound.task(), now),
            None => now(),
        }
    }

    /// As often as wanted, or until there is a reason to end early: the halves may work for long.
    fn raise_burst(&self, bound: &Bound<'_>, begin_ns: u64) -> Result {
        self.together.raise(self.record)?;
        for _ in 1..self.plan.burst {
            if self.is_late(begin_ns) || self.must_end(bound).is_some() {
                break;
            }
            // Only here: who waits makes room afterwards, where no half has to wait for that.
            self.record.make_room();
            self.together.raise(self.record)?;
        }
        Ok(())
    }

    /// Whether the time is up.
    fn is_late(&self, begin_ns: u64) -> bool {
        let budget_ns = u64::from(self.plan.budget_ms) * 1_000_000;
        clock::now_ns().wrapping_sub(begin_ns) > budget_ns
    }

    /// Whether there is a reason to end early.
    fn must_end(&self, bound: &Bound<'_>) -> Option<End> {
        if bound.is_stopped() {
            Some(End::Signal)
        } else if self.has_left(bound) {
            Some(End::Cpu)
        } else if self.together.is_leaving() || self.is_other_line_leaving() {
            Some(End::Source)
        } else {
            None
        }
    }

    /// Whether the CPU has gone offline, or one of the victims'.
    fn has_left(&self, bound: &Bound<'_>) -> bool {
        let watched = self.watched;
        bound.has_left() || watched.is_some_and(|watched| watched.victims.have_left())
    }

    fn is_other_line_leaving(&self) -> bool {
        self.watched
            .is_some_and(|watched| watched.beside.is_leaving())
    }

    /// Waits for the bottom half of the last event. Returns whether it has run.
    fn arrives(&self, bound: &Bound<'_>) -> bool {
        for _ in 0..PATIENCE_MS / STEP_MS {
            if self.record.wait_ms(bound.task(), STEP_MS) == Waited::Completed {
                return true;
            }
            if self.must_end(bound).is_some() {
                break;
            }
        }
        false
    }

    /// Sleeps until a period has gone by since `start_ns`.
    fn keep_period(&self, start_ns: u64, bound: &Bound<'_>) {
        let period_us = u64::from(self.plan.period_us);
        loop {
            let elapsed_us = clock::now_ns().wrapping_sub(start_ns) / 1000;
            let rest_us = period_us.saturating_sub(elapsed_us);
            if rest_us == 0 || self.must_end(bound).is_some() {
                return;
            }
            bound
                .task()
                .sleep_us(rest_us.min(u64::from(STEP_MS) * 1000) as u32, 10);
        }
    }
}
