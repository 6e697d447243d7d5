// SPDX-License-Identifier: GPL-2.0

//! The bench: one stimulus through every mechanism, and a row of figures each.
//!
//! Events follow each other: one is raised, its bottom half is awaited, and only
//! then the next is raised, `period_us` after the last at the earliest. So no
//! event waits behind another, and one that does not arrive is lost, not late.

use crate::{
    laboratory::Lab,
    line::{
        Group,
        Lent,
        Line, //
    },
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

/// After so many lost events in a row the rest of the row is not tried.
const PATIENCE_EVENTS: u64 = 5;

/// What to measure.
pub(crate) struct Plan {
    pub(crate) group: Group,
    pub(crate) mechanisms: KVec<Arc<Instance>>,
    pub(crate) count: u64,
    pub(crate) period_us: u32,
    pub(crate) cpu: CpuId,
}

/// What was measured of one mechanism.
struct Row {
    mechanism: &'static str,
    line: &'static str,
    cpu: CpuId,
    asked: u64,
    raised: u64,
    arrived: u64,
    top: Summary,
    bottom: Summary,
    places: KVec<Place>,
    /// The current task of the last bottom half: its executor, or whom it interrupted.
    current: Text,
}

/// The bench and the rows of its last run.
#[pin_data]
pub(crate) struct Bench {
    #[pin]
    rows: Mutex<KVec<Row>>,
}

impl Bench {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            rows <- new_mutex!(KVec::new(), "Bench::rows"),
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
        let lent = plan.group.lend()?;
        self.rows.lock().clear();
        for mechanism in &plan.mechanisms {
            mechanism.record().clear();
            let row = measure(lab, plan, &lent, mechanism, task)?;
            self.rows.lock().push(row, GFP_KERNEL)?;
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted during {}", mechanism.name());
            }
        }
        Ok(())
    }

    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "# latencies in ns; irq: raise to top half; the others: top half to bottom half\n\
             {:<13} {:<4} {:>3} {:>5} {:>4} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} contexts current\n",
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
            "max"
        )?;
        for row in &*self.rows.lock() {
            row.show(text)?;
        }
        Ok(())
    }
}

impl Row {
    fn show(&self, text: &mut Text) -> Result {
        let Summary {
            p50,
            p90,
            p99,
            p99_9,
            max,
        } = self.bottom;
        emit!(
            text,
            "{:<13} {:<4} {:>3} {:>5} {:>4} {:>8} {p50:>8} {p90:>8} {p99:>8} {p99_9:>8} {max:>9} ",
            self.mechanism,
            self.line,
            self.cpu.as_u32(),
            self.arrived,
            self.raised.saturating_sub(self.arrived),
            self.top.p50
        )?;
        for (index, place) in self.places.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            emit!(text, "{}{}", separator, place)?;
        }
        if self.places.is_empty() {
            emit!(text, "-")?;
        }
        emit!(text, " {}", self.current)?;
        if self.raised < self.asked {
            emit!(text, " # only {} of {} raised", self.raised, self.asked)?;
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
    let raised = Atomic::new(0u64);
    let cpus = core::iter::once(plan.cpu);
    let nr_cpus = cpu::run_on(&lab.workers, cpus, task, |here| {
        raised.store(events(plan, line, record, here), Relaxed);
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
    Ok(Row {
        mechanism: mechanism.name(),
        line: lent.name(),
        cpu: plan.cpu,
        asked: plan.count,
        raised: raised.load(Relaxed),
        arrived: record.count(Stage::Bottom),
        top: summary(Stage::Top)?,
        bottom: summary(Stage::Bottom)?,
        places,
        current,
    })
}

/// Raises the plan's events here, and waits for each. Returns how many.
fn events(plan: &Plan, line: &Line, record: &Record, here: &Here<'_>) -> u64 {
    let mut raised = 0;
    let mut lost_in_a_row = 0;
    while raised < plan.count && lost_in_a_row < PATIENCE_EVENTS && !here.is_stopped() {
        let start_ns = clock::now_ns();
        record.raised();
        if line.raise().is_err() {
            break;
        }
        raised += 1;
        match record.wait_ms(here.task, PATIENCE_MS) {
            Waited::Completed => lost_in_a_row = 0,
            Waited::TimedOut | Waited::Interrupted => lost_in_a_row += 1,
        }
        let elapsed_us = clock::now_ns().wrapping_sub(start_ns) / 1000;
        let rest_us = u64::from(plan.period_us).saturating_sub(elapsed_us);
        if rest_us > 0 {
            here.task.sleep_us(rest_us as u32, 10);
        }
    }
    raised
}
