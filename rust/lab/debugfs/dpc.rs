// SPDX-License-Identifier: GPL-2.0

//! `dpc/`: the DPC queues of all CPUs, what can be set of them, and their watchdog.
//!
//! Write to `parameters` any of `maximum_depth=`, `minimum_rate=`, `ideal_rate=`,
//! `adjustment=`, `tick_ms=`, `dpc_limit=`, `sum_limit=`, `threaded=`, `idle_drain=`; the others
//! stay. `default` sets all back.

use super::{
    file,
    Knob,
    KnobFile, //
};
use crate::{
    command::{
        assignments,
        number_or,
        switch, //
    },
    laboratory::Lab,
    refusal::{
        refuse,
        Answer,
        Refusal, //
    },
};
use core::ops::RangeInclusive;
use irqlab::{
    context::Task,
    cpu,
    debugfs::{
        Dir,
        Mode, //
    },
    dpc::Parameters,
    emit,
    text::Text, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) struct Files {
    _queues: KnobFile<Queues>,
    _parameters: KnobFile<ParametersKnob>,
    _watchdog: KnobFile<Watchdog>,
}

impl Files {
    pub(super) fn new(root: &Dir, lab: &Arc<Lab>) -> Result<Self> {
        let dir = root.subdir(c"dpc")?;
        Ok(Self {
            _queues: file(&dir, lab, Queues)?,
            _parameters: file(&dir, lab, ParametersKnob)?,
            _watchdog: file(&dir, lab, Watchdog)?,
        })
    }
}

/// `queues`: the state of each queue, and what was counted.
struct Queues;

impl Knob for Queues {
    const NAME: &'static CStr = c"queues";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        emit!(
            text,
            "# local to flush: how often the CPU was told to drain the queue, by cause\n\
             #cpu queue depth maximum_depth rate inserted run removed ticks local remote tick idle \
             flush longest_ns\n"
        )?;
        let system = &lab.dpcs.system;
        for cpu in cpu::online() {
            for (name, status) in [
                ("ordinary", system.ordinary(cpu)),
                ("threaded", system.threaded(cpu)),
            ] {
                emit!(
                    text,
                    "{} {} {} {} {} {} {} {} {}",
                    cpu.as_u32(),
                    name,
                    status.depth,
                    status.maximum_depth,
                    status.rate,
                    status.nr_inserted,
                    status.nr_run,
                    status.nr_removed,
                    status.nr_ticks
                )?;
                for nr in status.nr_requests {
                    emit!(text, " {}", nr)?;
                }
                emit!(text, " {}\n", status.longest_ns)?;
            }
        }
        Ok(())
    }
}

/// `watchdog`: what took too long.
struct Watchdog;

impl Knob for Watchdog {
    const NAME: &'static CStr = c"watchdog";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        emit!(
            text,
            "# how often one DPC, or DPCs without a pause, took too many ticks; the last routine\n\
             #cpu dpc sum last routine\n"
        )?;
        for cpu in cpu::online() {
            let status = lab.dpcs.system.ordinary(cpu);
            emit!(
                text,
                "{} {} {} ",
                cpu.as_u32(),
                status.nr_dpc_overruns,
                status.nr_sum_overruns
            )?;
            match status.last_overrun {
                None => emit!(text, "- -\n")?,
                Some((overrun, routine)) => {
                    emit!(text, "{} {}\n", overrun.name(), routine.as_str())?
                }
            }
        }
        Ok(())
    }
}

/// `parameters`: what can be set of the queues.
struct ParametersKnob;

const KEYS: [&str; 9] = [
    "maximum_depth",
    "minimum_rate",
    "ideal_rate",
    "adjustment",
    "tick_ms",
    "dpc_limit",
    "sum_limit",
    "threaded",
    "idle_drain",
];

/// Windows' names for them.
const NAMES: [&str; KEYS.len()] = [
    "KiMaximumDpcQueueDepth",
    "KiMinimumDpcRate",
    "KiIdealDpcRate",
    "KiAdjustDpcThreshold",
    "-",
    "DpcTimeLimit",
    "DpcWatchdogLimit",
    "ThreadDpcEnable",
    "-",
];

impl Knob for ParametersKnob {
    const NAME: &'static CStr = c"parameters";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        let now = lab.dpcs.system.parameters();
        let values = [
            now.maximum_depth,
            now.minimum_rate,
            now.ideal_rate,
            now.adjustment,
            now.tick_ms,
            now.dpc_limit,
            now.sum_limit,
            now.threaded.into(),
            now.idle_drain.into(),
        ];
        emit!(text, "#parameter value windows_name\n")?;
        for ((key, value), name) in KEYS.iter().zip(values).zip(NAMES) {
            emit!(text, "{} {} {}\n", key, value, name)?;
        }
        Ok(())
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        if command == "default" {
            lab.dpcs.system.set_parameters(Parameters::default());
            return Ok(());
        }
        let words = assignments(command, KEYS)?;
        if words.iter().all(Option::is_none) {
            refuse!(EINVAL, "there is nothing to set");
        }
        let number = |word: Option<&str>, now: u32, limits: RangeInclusive<u64>| -> Answer<u32> {
            Ok(number_or(word, now.into(), limits).map_err(Refusal::from)? as u32)
        };
        let is_on = |word: Option<&str>, now: bool| -> Answer<bool> {
            word.map_or(Ok(now), |word| switch(word).map_err(Refusal::from))
        };
        let now = lab.dpcs.system.parameters();
        let [maximum_depth, minimum_rate, ideal_rate, adjustment, tick_ms, dpc_limit, sum_limit, threaded, idle_drain] =
            words;
        lab.dpcs.system.set_parameters(Parameters {
            maximum_depth: number(maximum_depth, now.maximum_depth, 1..=1000)?,
            minimum_rate: number(minimum_rate, now.minimum_rate, 0..=1_000_000)?,
            ideal_rate: number(ideal_rate, now.ideal_rate, 0..=1_000_000)?,
            adjustment: number(adjustment, now.adjustment, 1..=10_000)?,
            tick_ms: number(tick_ms, now.tick_ms, 1..=1000)?,
            dpc_limit: number(dpc_limit, now.dpc_limit, 0..=1_000_000)?,
            sum_limit: number(sum_limit, now.sum_limit, 0..=1_000_000)?,
            threaded: is_on(threaded, now.threaded)?,
            idle_drain: is_on(idle_drain, now.idle_drain)?,
        });
        Ok(())
    }
}
