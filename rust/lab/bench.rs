// SPDX-License-Identifier: GPL-2.0

//! The bench: one stimulus through every mechanism, and a row of figures each.
//!
//! Events follow each other: one is raised, its bottom half is awaited, and only
//! then the next is raised, `period_us` after the last at the earliest. So no
//! event waits behind another, and one that does not arrive is lost, not late.
//! With a `burst`, an event is raised so many times at once, and only the last
//! time is awaited: of the others some find the mechanism still pending, and are
//! coalesced with it.
//!
//! They are sent from a thread bound to the CPU, which may go offline meanwhile: the
//! row says so, and the run ends. A mechanism that cannot be had has a row that says
//! why, and the others are measured.

use crate::{
    laboratory::Lab,
    line::{
        Group,
        Reserved,
        Steered, //
    },
    load,
    mechanism::Instance,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    clock,
    context::Task,
    cpu::{
        self,
        CpuId, //
    },
    emit,
    text::Text,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};
use row::{
    End,
    Measured,
    Row, //
};

mod row;
mod send;

pub(crate) use send::send;

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

/// The last run.
struct Run {
    /// The smallest step of the clock.
    resolution_ns: u64,
    /// How long it takes to record an event, which is part of each latency.
    cost_ns: u64,
    /// What the records' stamps are read from.
    counter: &'static str,
    load: Option<&'static load::Kind>,
    load_rounds: u64,
    /// Why the line could not be sent to the CPU, if that is so.
    unsteered: Text,
    rows: KVec<Row>,
}

impl Run {
    const EMPTY: Self = Self {
        resolution_ns: 0,
        cost_ns: 0,
        counter: "-",
        load: None,
        load_rounds: 0,
        unsteered: Text::new(),
        rows: KVec::new(),
    };
}

/// The bench and its last run.
#[pin_data]
pub(crate) struct Bench {
    #[pin]
    last: Mutex<Run>,
}

impl Bench {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            last <- new_mutex!(Run::EMPTY, "Bench::last"),
        })
    }

    /// Runs `plan`. What was measured before an error remains to be read.
    ///
    /// Refusals: `EBUSY` if another experiment runs or has the line, or if none of the
    /// mechanisms can be had; `ENXIO` if the CPU is or goes offline; `ENODEV` if the
    /// device leaves; `EINTR` after a signal.
    pub(crate) fn run(&self, lab: &Lab, plan: &Plan, task: &Task) -> Answer {
        let experiment = lab.begin("bench")?;
        let cpu = plan.cpu.as_u32();
        if !cpu::is_online(plan.cpu) {
            refuse!(ENXIO, "CPU {} is offline", cpu);
        }
        let reserved = plan.group.reserve()?;
        let (_steered, unsteered) = steer(&reserved, plan.cpu)?;
        *self.last.lock() = Run {
            resolution_ns: clock::resolution_ns(clock::Counter::current()),
            load: plan.load,
            unsteered,
            ..Run::EMPTY
        };
        let mut obstacles = KVec::new();
        for mechanism in &plan.mechanisms {
            obstacles.push(obstacle(lab, mechanism)?, GFP_KERNEL)?;
        }
        if let Some(Some(first)) = obstacles.first() {
            if obstacles.iter().all(Option::is_some) {
                refuse!(EBUSY, "{}: {}", plan.mechanisms[0].name(), first);
            }
        }
        let load = match plan.load {
            Some(kind) => Some(kind.start(lab, plan.cpu, task)?),
            None => None,
        };
        let nr_steps = plan.mechanisms.len() as u64;
        for ((mechanism, obstacle), step) in plan.mechanisms.iter().zip(obstacles).zip(1..) {
            let name = mechanism.name();
            experiment.step(step, nr_steps, fmt!("{name}"));
            let (measured, end) = match obstacle {
                Some(why) => (Err(why), End::Done),
                None => measure(lab, plan, &reserved, mechanism, task)?,
            };
            let mut last = self.last.lock();
            last.rows.push(
                Row {
                    mechanism: name,
                    line: reserved.name(),
                    cpu: plan.cpu,
                    measured,
                },
                GFP_KERNEL,
            )?;
            (last.cost_ns, last.counter) = (lab.ledger.cost_ns(), lab.ledger.counter());
            last.load_rounds = load.as_ref().map_or(0, |load| load.rounds());
            drop(last);
            match end {
                End::Cpu => refuse!(ENXIO, "CPU {cpu} went offline during {name}"),
                End::Source => refuse!(
                    ENODEV,
                    "the device of {} left during {name}",
                    reserved.name()
                ),
                _ if task.is_interrupted() => refuse!(EINTR, "interrupted during {name}"),
                _ => (),
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
            emit!(
                text,
                "# to record an event costs {} ns, which is in each latency, and left out in net_irq, net_p50 and \
                 net_wake; stamps are read from the {}\n",
                last.cost_ns,
                last.counter
            )?;
        }
        if !last.unsteered.is_empty() {
            emit!(text, "# the line goes where it went: {}\n", last.unsteered)?;
        }
        row::show_header(text)?;
        for row in &last.rows {
            row.show(last.resolution_ns, last.cost_ns, text)?;
        }
        Ok(())
    }
}

/// Sends the line to `cpu`; or answers why that is not possible, which is no obstacle.
fn steer<'a>(reserved: &'a Reserved<'_>, cpu: CpuId) -> Answer<(Option<Steered<'a>>, Text)> {
    let mut why = Text::new();
    match reserved.steer(cpu) {
        Ok(steered) => Ok((Some(steered), why)),
        Err(refusal) if matches!(refusal.error, EPERM | ENOSPC | ETIMEDOUT) => {
            emit!(&mut why, "{refusal}")?;
            Ok((None, why))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Why the mechanism cannot be measured, and what would help; nothing if it can.
fn obstacle(lab: &Lab, mechanism: &Arc<Instance>) -> Result<Option<Text>> {
    let (mut why, name) = (Text::new(), mechanism.name());
    if !mechanism.is_enabled() {
        emit!(&mut why, "it is disabled (echo 1 >deferral/{name}/enabled)")?;
    } else if let Some(line) = lab.lines.holder(mechanism) {
        emit!(
            &mut why,
            "it is on {line} (echo none >lines/{line}/handlers)"
        )?;
    }
    Ok(Some(why).filter(|why| !why.is_empty()))
}

/// Measures one mechanism on the plan's CPU. If it cannot be put on the line, the answer
/// says why.
fn measure(
    lab: &Lab,
    plan: &Plan,
    reserved: &Reserved<'_>,
    mechanism: &Arc<Instance>,
    task: &Task,
) -> Answer<(core::result::Result<Measured, Text>, End)> {
    let record = mechanism.record();
    record.clear();
    let attachment = match reserved.attach(mechanism) {
        Ok(attachment) => attachment,
        Err(refusal) => {
            let mut why = Text::new();
            emit!(&mut why, "{refusal}")?;
            return Ok((Err(why), End::Done));
        }
    };
    let sent = send::send_all(lab, plan, reserved, record, task)?;
    // Nothing calls the mechanism from here on.
    drop(attachment);
    let measured = Measured::of(record, plan.count, plan.burst, sent)?;
    Ok((Ok(measured), sent.end))
}
