// SPDX-License-Identifier: GPL-2.0

//! `bench`: runs the bench, and shows what it measured.
//!
//! Write `line=<line>`, and if the defaults do not suit `count=1000`,
//! `mechanisms=all` (or names with commas between), `burst=1`, `period_us=0`,
//! `budget_ms=3600000`, `cpu=0`, `load=none`, `top_us=0` and `bottom_us=0` (for how long the halves work),
//! `victims=0` (1: measure who suffers from that, for the tables in `victims`), `priority=50` (of the task of
//! SCHED_FIFO among them).

use super::Knob;
use crate::{
    bench::Plan,
    command::{
        assignments,
        number_or,
        switch,
        text_or, //
    },
    laboratory::Lab,
    load,
    refusal::{
        refuse,
        Answer, //
    },
    work::{
        Halves,
        MAX_US, //
    },
};
use irqlab::{
    context::Task,
    cpu::CpuId,
    debugfs::Mode,
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
            "period_us",
            "budget_ms",
            "cpu",
            "load",
            "top_us",
            "bottom_us",
            "victims",
            "priority",
        ];
        let [line, count, mechanisms, burst, period_us, budget_ms, cpu, load, top_us, bottom_us, victims, priority] =
            assignments(command, keys)?;
        let Some(line) = line else {
            refuse!(EINVAL, "line=<line> is missing");
        };
        let count = number_or(count, 1000, 1..=1_000_000)?;
        let burst = number_or(burst, 1, 1..=1000)? as u32;
        let period_us = number_or(period_us, 0, 0..=1_000_000)? as u32;
        let budget_ms = number_or(budget_ms, 3_600_000, 1..=3_600_000)? as u32;
        let nr_cpus = u64::from(kernel::cpu::nr_cpu_ids());
        let cpu = number_or(cpu, 0, 0..=nr_cpus - 1)? as u32;
        let us = |value| number_or(value, 0, 0..=MAX_US).map(|us| us as u32);
        let (top_us, bottom_us) = (us(top_us)?, us(bottom_us)?);
        let has_victims = victims.map_or(Ok(false), switch)?;
        if priority.is_some() && !has_victims {
            refuse!(
                EINVAL,
                "priority= is that of a victim: victims=1 is missing"
            );
        }
        let priority = number_or(priority, 50, 1..=99)? as u8;
        let plan = Plan {
            group: lab.lines.group(&line)?,
            mechanisms: lab.mechanisms(text_or(mechanisms, "all"))?,
            count,
            burst,
            period_us,
            budget_ms,
            cpu: CpuId::from_u32(cpu).ok_or(ENXIO)?,
            load: load::find(text_or(load, "none"))?,
            halves: Halves { top_us, bottom_us },
            victims: has_victims.then_some(priority),
        };
        lab.bench.run(lab, &plan, task)
    }
}
