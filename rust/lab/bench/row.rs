// SPDX-License-Identifier: GPL-2.0

//! The rows of the bench's table: what was measured of a mechanism, or why nothing was.

use crate::{
    line::MAX_RUNS,
    record::{
        Place,
        Record,
        Stage,
        Summary, //
    },
};
use irqlab::{
    cpu::{
        CpuId,
        Set, //
    },
    emit,
    text::Text, //
};
use kernel::prelude::*;

/// A row.
pub(super) struct Row {
    pub(super) mechanism: &'static str,
    pub(super) line: &'static str,
    pub(super) cpu: CpuId,
    /// Nothing was measured for the reason given.
    pub(super) measured: core::result::Result<Measured, Text>,
}

/// How many events there were, and why no more.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) events: u64,
    /// Those whose bottom half did not run in time.
    pub(super) lost: u64,
    pub(super) end: End,
}

/// Why there were fewer events than asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Time,
    Lost,
    Signal,
    Source,
    Cpu,
}

impl End {
    pub(super) const ALL: [End; 6] = [
        End::Done,
        End::Time,
        End::Lost,
        End::Signal,
        End::Source,
        End::Cpu,
    ];

    const fn reason(self) -> &'static str {
        match self {
            End::Done => "done",
            End::Time => "the time was up",
            End::Lost => "they did not arrive",
            End::Signal => "a signal came",
            End::Source => "the source was gone",
            End::Cpu => "the CPU left",
        }
    }
}

/// What was measured.
pub(super) struct Measured {
    asked: u64,
    sent: Sent,
    arrived: u64,
    coalesced: u64,
    top: Summary,
    bottom: Summary,
    waiter: Summary,
    places: KVec<Place>,
    /// The current task of the last bottom half: its executor, or whom it interrupted.
    current: Text,
    top_cpus: Set,
    bottom_cpus: Set,
    waiter_cpus: Set,
    /// How often nobody acknowledged the interrupt for so long that the top half did.
    storms_ended: u64,
}

impl Measured {
    /// What `record` has of `sent` events, each raised `burst` times, of `asked`.
    pub(super) fn of(
        record: &Record,
        asked: u64,
        burst: u32,
        sent: Sent,
        storms_ended: u64,
    ) -> Result<Self> {
        let mut current = Text::new();
        match record.last(Stage::Bottom) {
            Some(last) => emit!(&mut current, "{}/{}", last.comm(), last.pid)?,
            None => emit!(&mut current, "-")?,
        }
        let mut places = KVec::new();
        for (place, _) in record.places(Stage::Bottom) {
            places.push(place, GFP_KERNEL)?;
        }
        let summary = |stage| -> Result<Summary> { Ok(record.latency(stage)?.summary()) };
        let arrived = record.count(Stage::Bottom);
        let raised = sent.events * u64::from(burst);
        Ok(Self {
            asked,
            sent,
            arrived,
            coalesced: raised.saturating_sub(arrived + sent.lost),
            top: summary(Stage::Top)?,
            bottom: summary(Stage::Bottom)?,
            waiter: summary(Stage::Waiter)?,
            places,
            current,
            top_cpus: record.cpus(Stage::Top)?,
            bottom_cpus: record.cpus(Stage::Bottom)?,
            waiter_cpus: record.cpus(Stage::Waiter)?,
            storms_ended,
        })
    }
}

/// The header of the table.
pub(super) fn show_header(text: &mut Text) -> Result {
    emit!(
        text,
        "{:<17} {:<7} {:>3} {:>5} {:>4} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8} {:>9} \
         contexts current top_cpus bottom_cpus task_cpus net_irq net_p50 net_wake irq_min min wake_min\n",
        "#mechanism",
        "line",
        "cpu",
        "count",
        "lost",
        "irq_p50",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "wake_p50",
        "wake_p99",
        "coalesced"
    )
}

impl Row {
    pub(super) fn show(&self, resolution_ns: u64, cost_ns: u64, text: &mut Text) -> Result {
        emit!(
            text,
            "{:<17} {:<7} {:>3} ",
            self.mechanism,
            self.line,
            self.cpu.as_u32()
        )?;
        match &self.measured {
            Ok(measured) => measured.show(self.cpu, resolution_ns, cost_ns, text),
            Err(why) => {
                emit!(
                    text,
                    "{0:>5} {0:>4} {0:>8} {0:>8} {0:>8} {0:>8} {0:>8} {0:>9} {0:>8} {0:>8} {0:>9} \
                     {0} {0} {0} {0} {0} {0} {0} {0} {0} {0} {0} # not measured: {1}\n",
                    "-",
                    why
                )
            }
        }
    }
}

impl Measured {
    fn show(&self, cpu: CpuId, resolution_ns: u64, cost_ns: u64, text: &mut Text) -> Result {
        let Summary {
            min,
            p50,
            p90,
            p99,
            p99_9,
            max,
        } = self.bottom;
        emit!(
            text,
            "{:>5} {:>4} {:>8} {p50:>8} {p90:>8} {p99:>8} {p99_9:>8} {max:>9} {:>8} {:>8} {:>9} ",
            self.arrived,
            self.sent.lost,
            self.top.p50,
            self.waiter.p50,
            self.waiter.p99,
            self.coalesced
        )?;
        for (index, place) in self.places.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            emit!(text, "{}{}", separator, place)?;
        }
        if self.places.is_empty() {
            emit!(text, "-")?;
        }
        emit!(text, " {}", self.current)?;
        for cpus in [&self.top_cpus, &self.bottom_cpus, &self.waiter_cpus] {
            if cpus.is_empty() {
                emit!(text, " -")?;
            } else {
                emit!(text, " {cpus}")?;
            }
        }
        for latency in [&self.top, &self.bottom, &self.waiter] {
            emit!(text, " {}", latency.p50.saturating_sub(cost_ns))?;
        }
        emit!(text, " {} {min} {}", self.top.min, self.waiter.min)?;
        if self.sent.end != End::Done {
            let (events, reason) = (self.sent.events, self.sent.end.reason());
            emit!(text, " # only {events} of {} events: {reason}", self.asked)?;
        }
        if self.top_cpus.iter().any(|other| other != cpu) {
            emit!(
                text,
                " # the line went to CPU {}, not {}",
                self.top_cpus,
                cpu.as_u32()
            )?;
        }
        if self.storms_ended > 0 {
            emit!(
                text,
                " # {} times the top half ended a storm, after {MAX_RUNS} runs",
                self.storms_ended
            )?;
        }
        if self.arrived > 0 && p50 <= resolution_ns {
            emit!(text, " # p50 is not above the clock's resolution")?;
        }
        emit!(text, "\n")
    }
}
