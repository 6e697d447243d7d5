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
//!
//! With several `lines`, others are raised [together] with each event.
//!
//! The halves can be told to [`work`](crate::work) for a while, and [`victims`] to want the CPU meanwhile.

use crate::{
    laboratory::Lab,
    line::{
        Group,
        LateAck,
        Reserved,
        Steered, //
    },
    load,
    mechanism::Instance,
    refusal::{
        refuse,
        Answer, //
    },
    work::Halves,
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
    tracepoint::Attached,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};
use ran::Ran;
use row::{
    End,
    Measured,
    Row,
    Sent, //
};
use suffered::Suffered;
use together::Together;
use victims::Beside;

mod complaints;
mod contention;
mod ran;
mod row;
mod send;
mod suffered;
mod together;
mod victims;
mod worst;

pub(crate) use contention::Inheritance;
pub(crate) use send::send;
pub(crate) use victims::{
    Victims,
    Wanted, //
};
pub(crate) use worst::ReadWorst;

/// What to measure.
pub(crate) struct Plan {
    /// The command, to be shown with what comes of it.
    pub(crate) asked: Text,
    pub(crate) group: Group,
    pub(crate) mechanisms: KVec<Arc<Instance>>,
    pub(crate) count: u64,
    pub(crate) burst: u32,
    /// How many lines are raised together for each.
    pub(crate) nr_lines: u32,
    pub(crate) period_us: u32,
    /// How long a mechanism may take for its events, about.
    pub(crate) budget_ms: u32,
    pub(crate) cpu: CpuId,
    pub(crate) load: Option<&'static load::Kind>,
    /// The priority of the load's thread, if it is not to have its own.
    pub(crate) load_priority: Option<u8>,
    pub(crate) halves: Halves,
    /// Who acknowledges the interrupts, if the top half does not.
    pub(crate) late_ack: Option<LateAck>,
    pub(crate) victims: Option<Wanted>,
}

/// The last run.
struct Run {
    /// The command that it was asked for by.
    asked: Text,
    /// The smallest step of the clock.
    resolution_ns: u64,
    /// How long it takes to record an event, which is part of each latency; if that is known.
    cost_ns: Option<u64>,
    /// What the records' stamps are read from.
    counter: &'static str,
    load: Option<&'static load::Kind>,
    load_rounds: u64,
    halves: Halves,
    /// Why the line could not be sent to the CPU, if that is so.
    unsteered: Text,
    rows: KVec<Row>,
    /// The other line among the victims.
    beside: &'static str,
    suffered: KVec<Arc<Suffered>>,
}

/// What there is for a run that has victims.
struct Watched<'a> {
    victims: Arc<Victims>,
    beside: Beside<'a>,
    ran: Attached<Ran>,
}

impl Run {
    const EMPTY: Self = Self {
        asked: Text::new(),
        resolution_ns: 0,
        cost_ns: None,
        counter: "-",
        load: None,
        load_rounds: 0,
        halves: Halves::IDLE,
        unsteered: Text::new(),
        rows: KVec::new(),
        beside: "-",
        suffered: KVec::new(),
    };
}

/// The bench and its last run.
#[pin_data]
pub(crate) struct Bench {
    #[pin]
    last: Mutex<Run>,
    /// Those of the run that is going on.
    #[pin]
    victims: Mutex<Option<Arc<Victims>>>,
}

/// While it lives, [`Bench::memory`] knows of the victims of a run. Made by [`Bench::run_with`].
struct Running<'a>(&'a Bench);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *self.0.victims.lock() = None;
    }
}

/// How many bytes the bench takes.
pub(crate) struct Memory {
    /// For what is known of the victims of the last run, and for those of one that is going on.
    pub(crate) victims: usize,
    /// The same for the worst events.
    pub(crate) worst: usize,
}

impl Bench {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            last <- new_mutex!(Run::EMPTY, "Bench::last"),
            victims <- new_mutex!(None, "Bench::victims"),
        })
    }

    /// Lets others see the victims of a run, until the answer is dropped.
    fn run_with(&self, victims: &Arc<Victims>) -> Running<'_> {
        *self.victims.lock() = Some(victims.clone());
        Running(self)
    }

    pub(crate) fn memory(&self) -> Memory {
        let mut memory = Memory {
            victims: 0,
            worst: 0,
        };
        for suffered in &self.last.lock().suffered {
            memory.victims += suffered.nr_bytes();
            memory.worst += suffered.worst.nr_bytes();
        }
        if let Some(victims) = &*self.victims.lock() {
            memory.victims += victims.nr_bytes();
            memory.worst += victims.worst.nr_bytes();
        }
        memory
    }

    /// Runs `plan`. What was measured before an error remains to be read.
    ///
    /// Refusals: `EBUSY` if another experiment runs or has the line, or if none of the
    /// mechanisms can be had; `ENXIO` if the CPU is or goes offline; `ENODEV` if the
    /// device leaves; `EINTR` after a signal.
    pub(crate) fn run(&self, lab: &Lab, plan: &Plan, task: &Task) -> Answer {
        let experiment = lab.begin(fmt!("bench"))?;
        let cpu = plan.cpu.as_u32();
        if !cpu::is_online(plan.cpu) {
            refuse!(ENXIO, "CPU {} is offline", cpu);
        }
        let others = Together::groups(lab, plan)?;
        let reserved = plan.group.reserve()?;
        let together = Together::reserve(lab, &reserved, &others)?;
        if plan.late_ack.is_some() {
            reserved.must_hold_raised()?;
        }
        let (_steered, unsteered) = steer(&reserved, plan.cpu)?;
        let mut obstacles = KVec::new();
        for mechanism in &plan.mechanisms {
            obstacles.push(obstacle(lab, mechanism)?, GFP_KERNEL)?;
        }
        if let Some(Some(first)) = obstacles.first() {
            if obstacles.iter().all(Option::is_some) {
                refuse!(EBUSY, "{}: {}", plan.mechanisms[0].name(), first);
            }
        }
        let group = plan.victims.as_ref();
        let group = group.map(|_| Beside::group(lab, reserved.name()));
        let group = group.transpose()?;
        let watched = match plan.victims.as_ref().zip(group.as_ref()) {
            Some((wanted, group)) => Some(Watched {
                victims: Victims::new(plan.cpu, wanted)?,
                ran: Ran::on(plan.cpu)?,
                beside: Beside::reserve(&reserved, group)?,
            }),
            None => None,
        };
        let _running = watched
            .as_ref()
            .map(|watched| self.run_with(&watched.victims));
        let load = match plan.load {
            Some(kind) => Some(kind.start(lab, plan.cpu, plan.load_priority, task)?),
            None => None,
        };
        let mut asked = Text::new();
        emit!(&mut asked, "{}", plan.asked)?;
        // Whatever is refused has left what was measured last.
        *self.last.lock() = Run {
            asked,
            resolution_ns: clock::resolution_ns(clock::Counter::current()),
            load: plan.load,
            halves: plan.halves,
            unsteered,
            beside: watched
                .as_ref()
                .map_or("-", |watched| watched.beside.name()),
            ..Run::EMPTY
        };
        let nr_steps = plan.mechanisms.len() as u64;
        for ((mechanism, obstacle), step) in plan.mechanisms.iter().zip(obstacles).zip(1..) {
            let name = mechanism.name();
            experiment.step(step, nr_steps, fmt!("{name}"));
            let (measured, end, suffered) = match obstacle {
                Some(why) => (Err(why), End::Done, None),
                None => measure(lab, plan, &together, watched.as_ref(), mechanism, task)?,
            };
            let mut last = self.last.lock();
            if let Some(suffered) = suffered {
                last.suffered
                    .push(Arc::new(suffered, GFP_KERNEL)?, GFP_KERNEL)?;
            }
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
                End::Cpu => refuse!(
                    ENXIO,
                    "CPU {cpu}, or that of a victim, went offline during {name}"
                ),
                End::Source => refuse!(
                    ENODEV,
                    "the device of {}, of a line beside it, or of a victim, left during {name}",
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
        if !last.asked.is_empty() {
            emit!(text, "# asked for: {}\n", last.asked)?;
        }
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
            emit!(text, "# to record an event costs ")?;
            match last.cost_ns {
                Some(ns) => emit!(
                    text,
                    "{ns} ns, which is in each latency, and left out in net_irq, net_p50 and net_wake"
                )?,
                None => emit!(text, "time that is not known, and is in each latency")?,
            }
            emit!(text, "; stamps are read from the {}\n", last.counter)?;
        }
        let Halves { top_us, bottom_us } = last.halves;
        if last.halves != Halves::IDLE {
            emit!(
                text,
                "# the top half works for {top_us} us, the bottom half for {bottom_us} us; wake: from the \
                 beginning of that\n"
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

/// The tables of what the victims of the last run have suffered.
impl Bench {
    pub(crate) fn show_latencies(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "# from when each was due, while the half worked, until it ran, in ns; here: on the CPU on which \
             that was; line: {}\n",
            self.last.lock().beside
        )?;
        self.show_suffered(
            text,
            Suffered::show_latencies_header,
            Suffered::show_latencies,
        )
    }

    pub(crate) fn show_ran(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "# who ran on the line's CPU, how often, for how long, and when first, in ns; with what interrupted \
             them\n"
        )?;
        self.show_suffered(text, Suffered::show_ran_header, Suffered::show_ran)
    }

    pub(crate) fn show_complaints(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "# what the kernel said meanwhile, and when, in ns; of each mechanism the first messages\n"
        )?;
        self.show_suffered(
            text,
            Suffered::show_complaints_header,
            Suffered::show_complaints,
        )
    }

    /// What happened around the worst event of each mechanism, to be read.
    pub(crate) fn read_worst(&self) -> Result<ReadWorst> {
        let mut all = KVec::new();
        for one in &self.last.lock().suffered {
            all.push(one.clone(), GFP_KERNEL)?;
        }
        Ok(ReadWorst::of(all))
    }

    fn show_suffered(
        &self,
        text: &mut Text,
        header: fn(&mut Text) -> Result,
        rows: fn(&Suffered, &mut Text) -> Result,
    ) -> Result {
        header(text)?;
        let last = self.last.lock();
        last.suffered.iter().try_for_each(|one| rows(one, text))
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

/// Measures one mechanism on the plan's CPU, and what its victims suffer if it is watched. If it cannot be put
/// on the line, the answer says why.
fn measure(
    lab: &Lab,
    plan: &Plan,
    together: &Together<'_>,
    watched: Option<&Watched<'_>>,
    mechanism: &Arc<Instance>,
    task: &Task,
) -> Answer<(core::result::Result<Measured, Text>, End, Option<Suffered>)> {
    let (record, reserved) = (mechanism.record(), together.measured);
    record.clear();
    let attachment = match reserved.attach(mechanism) {
        Ok(attachment) => attachment,
        Err(refusal) => {
            let mut why = Text::new();
            emit!(&mut why, "{refusal}")?;
            return Ok((Err(why), End::Done, None));
        }
    };
    let victims = watched.map(|watched| &watched.victims);
    let late = match plan.late_ack {
        Some(ack) => Some(attachment.acknowledge_late(reserved, ack)?),
        None => None,
    };
    let working = record.work.begin(plan.halves, victims, late.as_ref(), task);
    let (sent, suffered) = match watched {
        Some(watched) => {
            let (sent, suffered) = watched.measure(lab, plan, together, mechanism, task)?;
            (sent, Some(suffered))
        }
        None => (
            send::send_all(lab, plan, together, record, None, task)?,
            None,
        ),
    };
    drop(working);
    let storms_ended = late.map_or(0, |late| late.ended());
    // Nothing calls the mechanism from here on.
    drop(attachment);
    let measured = Measured::of(record, plan.count, sent, storms_ended)?;
    Ok((Ok(measured), sent.end, suffered))
}

impl Watched<'_> {
    /// Sends the plan's events, and sees what the victims suffer meanwhile.
    fn measure(
        &self,
        lab: &Lab,
        plan: &Plan,
        together: &Together<'_>,
        mechanism: &Arc<Instance>,
        task: &Task,
    ) -> Answer<(Sent, Suffered)> {
        let (victims, ran) = (&self.victims, self.ran.observer());
        let number = lab.number_of(mechanism);
        let suffering = victims.begin(lab, &self.beside, together.measured, number, task)?;
        ran.begin();
        victims.worst.begin();
        let sent = send::send_all(lab, plan, together, mechanism.record(), Some(self), task)?;
        let worst = victims.worst.end();
        suffering.settle();
        let run_ns = ran.end();
        drop(suffering);
        let suffered = Suffered::of(mechanism.name(), plan.halves, victims, ran, run_ns, worst)?;
        Ok((sent, suffered))
    }
}
