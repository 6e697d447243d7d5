// SPDX-License-Identifier: GPL-2.0

//! The bench: one stimulus through every mechanism, and a row of figures each.
//!
//! Events follow each other: one is raised, its bottom half is awaited, and only
//! then the next is raised, `period_us` after the last at the earliest. So no
//! event waits behind another, and one that does not arrive is lost, not late.
//! With a `burst`, an event is raised so many times at once, and only the last
//! time is awaited: of the others some find the mechanism still pending, and are
//! coalesced with it.

use crate::{
    laboratory::Lab,
    line::{
        Group,
        Lent,
        Line, //
    },
    load,
    mechanism::Instance,
    record::{
        Merged,
        Place,
        Record,
        Stage,
        Summary, //
    },
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
        CpuId,
        Here, //
    },
    emit,
    text::Text,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};

/// How long an event may take before it is lost.
const PATIENCE_MS: u32 = 2000;

/// How many events may be lost in a row.
const PATIENCE_EVENTS: u64 = 4;

/// What to measure.
pub(crate) struct Plan {
    pub(crate) group: Group,
    pub(crate) mechanisms: KVec<Arc<Instance>>,
    pub(crate) count: u64,
    pub(crate) burst: u32,
    pub(crate) period_us: u32,
    /// How long a mechanism may take for its events, about.
    pub(crate) budget_ms: u32,
    pub(crate) cpu: CpuId,
    pub(crate) load: Option<&'static load::Kind>,
}

/// What was measured of one mechanism.
struct Row {
    mechanism: &'static str,
    line: &'static str,
    cpu: CpuId,
    asked: u64,
    events: u64,
    end: End,
    arrived: u64,
    lost: u64,
    coalesced: u64,
    top: Summary,
    bottom: Summary,
    waiter: Summary,
    places: KVec<Place>,
    /// The current task of the last bottom half: its executor, or whom it interrupted.
    current: Text,
}

/// Why there were fewer events than asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Time,
    Lost,
    Signal,
    Source,
}

impl End {
    const ALL: [End; 5] = [End::Done, End::Time, End::Lost, End::Signal, End::Source];

    const fn reason(self) -> &'static str {
        match self {
            End::Done => "done",
            End::Time => "the time was up",
            End::Lost => "they did not arrive",
            End::Signal => "a signal came",
            End::Source => "the source was gone",
        }
    }
}

/// What is sent through one mechanism.
struct Sent {
    events: Atomic<u64>,
    /// Events whose bottom half did not run in time.
    lost: Atomic<u64>,
    /// The index of the [`End`].
    end: Atomic<usize>,
}

/// The last run.
struct Run {
    /// The smallest step of the clock.
    resolution_ns: u64,
    load: Option<&'static load::Kind>,
    load_rounds: u64,
    rows: KVec<Row>,
}

/// The bench and its last run.
#[pin_data]
pub(crate) struct Bench {
    #[pin]
    last: Mutex<Run>,
}

impl Bench {
    pub(crate) fn new() -> impl PinInit<Self> {
        let last = Run {
            resolution_ns: 0,
            load: None,
            load_rounds: 0,
            rows: KVec::new(),
        };
        pin_init!(Self {
            last <- new_mutex!(last, "Bench::last"),
        })
    }

    /// Runs `plan`. What was measured before an error remains to be read.
    ///
    /// Refusals: `EBUSY` if another experiment runs or has the line, `ENXIO` if
    /// the CPU is offline, `EINTR` after a signal.
    pub(crate) fn run(&self, lab: &Lab, plan: &Plan, task: &Task) -> Answer {
        let _experiment = lab.begin()?;
        if let Some(off) = plan.mechanisms.iter().find(|m| !m.is_enabled()) {
            refuse!(EBUSY, "{} is disabled", off.name());
        }
        if !cpu::is_online(plan.cpu) {
            refuse!(ENXIO, "CPU {} is offline", plan.cpu.as_u32());
        }
        let lent = plan.group.lend()?;
        let _steered = lent.steer(plan.cpu)?;
        *self.last.lock() = Run {
            resolution_ns: clock::resolution_ns(),
            load: plan.load,
            load_rounds: 0,
            rows: KVec::new(),
        };
        let load = match plan.load {
            Some(kind) => Some(kind.start(lab, plan.cpu, task)?),
            None => None,
        };
        for mechanism in &plan.mechanisms {
            mechanism.record().clear();
            let row = measure(lab, plan, &lent, mechanism, task)?;
            let mut last = self.last.lock();
            last.rows.push(row, GFP_KERNEL)?;
            last.load_rounds = load.as_ref().map_or(0, |load| load.rounds());
            drop(last);
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted during {}", mechanism.name());
            }
        }
        Ok(())
    }

    pub(crate) fn show(&self, text: &mut Text) -> Result {
        let last = self.last.lock();
        emit!(
            text,
            "# latencies in ns; irq: raise to top half; wake: bottom half to the task that waits for \
             it; the others: top half to bottom half\n"
        )?;
        if !last.rows.is_empty() {
            emit!(
                text,
                "# the clock's resolution: {} ns; load: ",
                last.resolution_ns
            )?;
            match last.load {
                Some(kind) => {
                    let (name, about) = (kind.name, kind.about);
                    emit!(text, "{name} ({about}), {} rounds\n", last.load_rounds)?;
                }
                None => emit!(text, "none\n")?,
            }
        }
        emit!(
            text,
            "{:<13} {:<4} {:>3} {:>5} {:>4} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8} {:>9} \
             contexts current\n",
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
        )?;
        for row in &last.rows {
            row.show(last.resolution_ns, text)?;
        }
        Ok(())
    }
}

impl Row {
    fn show(&self, resolution_ns: u64, text: &mut Text) -> Result {
        let Summary {
            p50,
            p90,
            p99,
            p99_9,
            max,
        } = self.bottom;
        emit!(
            text,
            "{:<13} {:<4} {:>3} {:>5} {:>4} {:>8} {p50:>8} {p90:>8} {p99:>8} {p99_9:>8} {max:>9} \
             {:>8} {:>8} {:>9} ",
            self.mechanism,
            self.line,
            self.cpu.as_u32(),
            self.arrived,
            self.lost,
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
        if self.end != End::Done {
            let (events, asked, reason) = (self.events, self.asked, self.end.reason());
            emit!(text, " # only {events} of {asked} events: {reason}")?;
        }
        if self.arrived > 0 && p50 <= resolution_ns {
            emit!(text, " # p50 is not above the clock's resolution")?;
        }
        emit!(text, "\n")
    }
}

/// Measures one mechanism on the plan's CPU.
fn measure(
    lab: &Lab,
    plan: &Plan,
    lent: &Lent<'_>,
    mechanism: &Arc<Instance>,
    task: &Task,
) -> Answer<Row> {
    let attachment = lent.attach(mechanism)?;
    let record = mechanism.record();
    let line: &Line = lent;
    let sent = Sent {
        events: Atomic::new(0),
        lost: Atomic::new(0),
        end: Atomic::new(0),
    };
    let cpus = core::iter::once(plan.cpu);
    let nr_cpus = cpu::run_on(&lab.workers, cpus, task, |here| {
        let end = send_all(plan, line, record, here, &sent);
        sent.end.store(end as usize, Relaxed);
    })?;
    // Nothing calls the mechanism from here on.
    drop(attachment);
    if nr_cpus == 0 {
        refuse!(ENXIO, "CPU {} is offline", plan.cpu.as_u32());
    }
    let mut current = Text::new();
    match record.last(Stage::Bottom) {
        Some(last) => emit!(&mut current, "{}/{}", last.comm(), last.pid)?,
        None => emit!(&mut current, "-")?,
    }
    let mut places = KVec::new();
    for (place, _) in record.places(Stage::Bottom) {
        places.push(place, GFP_KERNEL)?;
    }
    let summary = |stage| -> Result<Summary> {
        Ok(Merged::new(record.seen(stage).map(|seen| &seen.latency))?.summary())
    };
    let (events, lost) = (sent.events.load(Relaxed), sent.lost.load(Relaxed));
    let arrived = record.count(Stage::Bottom);
    let raised = events * u64::from(plan.burst);
    Ok(Row {
        mechanism: mechanism.name(),
        line: lent.name(),
        cpu: plan.cpu,
        asked: plan.count,
        events,
        end: End::ALL[sent.end.load(Relaxed).min(End::ALL.len() - 1)],
        arrived,
        lost,
        coalesced: raised.saturating_sub(arrived + lost),
        top: summary(Stage::Top)?,
        bottom: summary(Stage::Bottom)?,
        waiter: summary(Stage::Waiter)?,
        places,
        current,
    })
}

/// Sends one event down a line with the mechanism of `record` attached, `burst`
/// times at once, and waits until its bottom half has run.
pub(crate) fn send(line: &Line, record: &Record, burst: u32, task: &Task) -> Result<Waited> {
    for _ in 0..burst {
        record.raised();
        line.raise()?;
    }
    Ok(record.wait_ms(task, PATIENCE_MS))
}

/// Sends the plan's events from here. Returns why this ended.
fn send_all(plan: &Plan, line: &Line, record: &Record, here: &Here<'_>, sent: &Sent) -> End {
    let begin_ns = clock::now_ns();
    let budget_ns = u64::from(plan.budget_ms) * 1_000_000;
    let mut lost_in_a_row = 0;
    for _ in 0..plan.count {
        let start_ns = clock::now_ns();
        if here.is_stopped() {
            return End::Signal;
        }
        if lost_in_a_row > PATIENCE_EVENTS {
            return End::Lost;
        }
        if start_ns.wrapping_sub(begin_ns) > budget_ns {
            return End::Time;
        }
        match send(line, record, plan.burst, here.task) {
            Ok(Waited::Completed) => lost_in_a_row = 0,
            Ok(Waited::TimedOut | Waited::Interrupted) => {
                lost_in_a_row += 1;
                sent.lost.add(1, Relaxed);
            }
            Err(_) => return End::Source,
        }
        sent.events.add(1, Relaxed);
        let elapsed_us = clock::now_ns().wrapping_sub(start_ns) / 1000;
        let rest_us = u64::from(plan.period_us).saturating_sub(elapsed_us);
        if rest_us > 0 {
            here.task.sleep_us(rest_us as u32, 10);
        }
    }
    End::Done
}
