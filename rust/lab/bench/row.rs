// SPDX-License-Identifier: GPL-2.0

//! The rows of the bench's table: what was measured of a mechanism, or why nothing was.

use crate::{
    line::{
        MAX_MS,
        MAX_RUNS, //
    },
    record::{
        Account,
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
use kernel::{
    fmt,
    prelude::*, //
};

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
    /// How many bottom halves ran and found no room to be recorded.
    unrecorded: u64,
    /// Nothing where nobody has passed.
    top: Option<Summary>,
    bottom: Option<Summary>,
    waiter: Option<Summary>,
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
    /// What `record` has of `sent` events, of `asked`.
    pub(super) fn of(
        record: &Record,
        asked: u64,
        mut sent: Sent,
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
        let summary = |stage| -> Result<Option<Summary>> {
            let latency = record.latency(stage)?;
            Ok((!latency.is_empty()).then(|| latency.summary()))
        };
        let Account {
            raised,
            recorded: arrived,
            lost: unrecorded,
            ..
        } = record.account();
        let absent = raised.saturating_sub(arrived + unrecorded);
        // One that came after all was only late.
        sent.lost = sent.lost.min(absent);
        Ok(Self {
            asked,
            sent,
            arrived,
            coalesced: absent - sent.lost,
            unrecorded,
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

/// A figure of the table, if it is known.
struct Figure(Option<u64>);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(number) => fmt::Display::fmt(number, f),
            None => f.pad("-"),
        }
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
    pub(super) fn show(&self, resolution_ns: u64, cost_ns: Option<u64>, text: &mut Text) -> Result {
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
    fn show(
        &self,
        cpu: CpuId,
        resolution_ns: u64,
        cost_ns: Option<u64>,
        text: &mut Text,
    ) -> Result {
        let figure =
            |stage: &Option<Summary>, of: fn(&Summary) -> u64| Figure(stage.as_ref().map(of));
        let (top, bottom, waiter) = (&self.top, &self.bottom, &self.waiter);
        emit!(
            text,
            "{:>5} {:>4} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8} {:>9} ",
            self.arrived,
            self.sent.lost,
            figure(top, |top| top.p50),
            figure(bottom, |bottom| bottom.p50),
            figure(bottom, |bottom| bottom.p90),
            figure(bottom, |bottom| bottom.p99),
            figure(bottom, |bottom| bottom.p99_9),
            figure(bottom, |bottom| bottom.max),
            figure(waiter, |waiter| waiter.p50),
            figure(waiter, |waiter| waiter.p99),
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
        for latency in [top, bottom, waiter] {
            let net_ns = latency
                .as_ref()
                .zip(cost_ns)
                .map(|(latency, ns)| latency.p50.saturating_sub(ns));
            emit!(text, " {}", Figure(net_ns))?;
        }
        for latency in [top, bottom, waiter] {
            emit!(text, " {}", figure(latency, |latency| latency.min))?;
        }
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
        if self.unrecorded > 0 {
            let unrecorded = self.unrecorded;
            emit!(
                text,
                " # {unrecorded} bottom halves found no room to be recorded"
            )?;
        }
        if self.storms_ended > 0 {
            emit!(
                text,
                " # {} times the top half ended a storm, after {MAX_RUNS} runs or {MAX_MS} ms",
                self.storms_ended
            )?;
        }
        if bottom.is_some_and(|bottom| bottom.p50 <= resolution_ns) {
            emit!(text, " # p50 is not above the clock's resolution")?;
        }
        emit!(text, "\n")
    }
}
