// SPDX-License-Identifier: GPL-2.0

//! `bench`: runs the bench, and shows what it measured.
//!
//! Write `line=<line>`, and if the defaults do not suit `count=1000`,
//! `mechanisms=all` (or names with commas between), `burst=1`, `lines=1` (how many are raised together), `period_us=0`,
//! `budget_ms=3600000`, `cpu=0`, `load=none`, `load_priority=1` (of those loads that are threads
//! of SCHED_FIFO), `top_us=0` and `bottom_us=0` (for how long the halves work),
//! `victims=0` (1: measure who suffers from that, for the tables in `victims`), `priority=50` (of the task of
//! SCHED_FIFO among them), `ack=top` (who acknowledges the interrupt of an edu device: also `bottom`; `disabled`,
//! the bottom half, until which the line is disabled; `never`), `contend=none` (a lock that the bottom half wants, and
//! who raises holds: `mutex`, or `rt_mutex` with inheritance of priorities).

use super::Knob;
use crate::{
    bench::{
        Inheritance,
        Plan,
        Wanted, //
    },
    command::{
        assignments,
        number,
        number_or,
        switch,
        text_or, //
    },
    laboratory::Lab,
    line::LateAck,
    load,
    refusal::{
        refuse,
        Answer, //
    },
    source::MAX_LINES,
    work::{
        Halves,
        MAX_US, //
    },
};
use irqlab::{
    context::Task,
    cpu::CpuId,
    debugfs::Mode,
    emit,
    text::Text, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) struct Bench;

impl Knob for Bench {
    const NAME: &'static CStr = c"bench";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.bench.show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let keys = [
            "line",
            "count",
            "mechanisms",
            "burst",
            "lines",
            "period_us",
            "budget_ms",
            "cpu",
            "load",
            "top_us",
            "bottom_us",
            "victims",
            "priority",
            "ack",
            "contend",
            "load_priority",
        ];
        let [line, count, mechanisms, burst, lines, period_us, budget_ms, cpu, load, top_us, bottom_us, victims, priority, ack, contend, load_priority] =
            assignments(command, &keys)?;
        let Some(line) = line else {
            refuse!(EINVAL, "line=<line> is missing; lines/ has all");
        };
        let count = number_or(count, 1000, 1..=1_000_000)?;
        let burst = number_or(burst, 1, 1..=1000)? as u32;
        let nr_lines = number_or(lines, 1, 1..=MAX_LINES.into())? as u32;
        let period_us = number_or(period_us, 0, 0..=1_000_000)? as u32;
        let budget_ms = number_or(budget_ms, 3_600_000, 1..=3_600_000)? as u32;
        let nr_cpus = u64::from(kernel::cpu::nr_cpu_ids());
        let cpu = number_or(cpu, 0, 0..=nr_cpus - 1)? as u32;
        let us = |value| number_or(value, 0, 0..=MAX_US).map(|us| us as u32);
        let (top_us, bottom_us) = (us(top_us)?, us(bottom_us)?);
        let has_victims = victims.map_or(Ok(false), switch)?;
        if let (Some(priority), false) = (priority, has_victims) {
            refuse!(
                EINVAL,
                "{priority} is that of a victim: victims=1 is missing"
            );
        }
        if has_victims && nr_lines > 1 {
            refuse!(
                EINVAL,
                "victims=1 has another line for itself: leave out lines="
            );
        }
        let wanted = Wanted {
            priority: number_or(priority, 50, 1..=99)? as u8,
            contend: inheritance(text_or(contend, "none"))?,
        };
        if let (Some(_), Some(contend), false) = (wanted.contend, contend, has_victims) {
            refuse!(
                EINVAL,
                "{contend} makes the bottom half a victim: victims=1 is missing"
            );
        }
        let load = load::find(text_or(load, "none"))?;
        if let (Some(priority), None) = (load_priority, load) {
            refuse!(
                EINVAL,
                "{priority} is that of a load, and there is none: load= is missing, or leave it out; loads \
                 that have a priority are: {}",
                load::with_priority()?
            );
        }
        let load_priority = load_priority.map(|value| number(value, 1..=99));
        let load_priority = load_priority.transpose()?.map(|priority| priority as u8);
        let mut asked = Text::new();
        for word in command.split_whitespace() {
            asked.separate(" ")?;
            emit!(&mut asked, "{word}")?;
        }
        let plan = Plan {
            asked,
            group: lab.lines.group(&line)?,
            mechanisms: lab.mechanisms(text_or(mechanisms, "all"))?,
            count,
            burst,
            nr_lines,
            period_us,
            budget_ms,
            cpu: CpuId::from_u32(cpu).ok_or(ENXIO)?,
            load,
            load_priority,
            halves: Halves { top_us, bottom_us },
            late_ack: late_ack(text_or(ack, "top"))?,
            victims: has_victims.then_some(wanted),
        };
        lab.bench.run(lab, &plan, task)
    }
}

/// Which lock a bottom half contends for.
///
/// Refusals: `ENODEV`.
fn inheritance(name: &str) -> Answer<Option<Inheritance>> {
    Ok(match name {
        "none" => None,
        "mutex" => Some(Inheritance::Without),
        "rt_mutex" => Some(Inheritance::With),
        _ => refuse!(
            ENODEV,
            "contend={name} is not there; there are: none, mutex, rt_mutex"
        ),
    })
}

/// Who acknowledges an interrupt, if the top half does not.
///
/// Refusals: `ENODEV`.
fn late_ack(name: &str) -> Answer<Option<LateAck>> {
    Ok(match name {
        "top" => None,
        "bottom" => Some(LateAck::Bottom),
        "disabled" => Some(LateAck::Disabled),
        "never" => Some(LateAck::Never),
        _ => refuse!(
            ENODEV,
            "ack={name} is not there; there are: top, bottom, disabled, never"
        ),
    })
}
