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
        number,
        switch,
        Value, //
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
        let words = assignments(command, &KEYS)?;
        if words.iter().all(Option::is_none) {
            refuse!(EINVAL, "there is nothing to set");
        }
        let limited =
            |value: Option<Value<'_>>, limits: RangeInclusive<u64>| -> Answer<Option<u32>> {
                let parse = |value| number(value, limits).map_err(Refusal::from);
                Ok(value.map(parse).transpose()?.map(|number| number as u32))
            };
        let is_on = |value: Option<Value<'_>>| -> Answer<Option<bool>> {
            value
                .map(|value| switch(value).map_err(Refusal::from))
                .transpose()
        };
        let [maximum_depth, minimum_rate, ideal_rate, adjustment, tick_ms, dpc_limit, sum_limit, threaded, idle_drain] =
            words;
        let maximum_depth = limited(maximum_depth, 1..=1000)?;
        let minimum_rate = limited(minimum_rate, 0..=1_000_000)?;
        let ideal_rate = limited(ideal_rate, 0..=1_000_000)?;
        let adjustment = limited(adjustment, 1..=10_000)?;
        let tick_ms = limited(tick_ms, 1..=1000)?;
        let dpc_limit = limited(dpc_limit, 0..=1_000_000)?;
        let sum_limit = limited(sum_limit, 0..=1_000_000)?;
        let threaded = is_on(threaded)?;
        let idle_drain = is_on(idle_drain)?;
        lab.dpcs.system.update_parameters(|now| Parameters {
            maximum_depth: maximum_depth.unwrap_or(now.maximum_depth),
            minimum_rate: minimum_rate.unwrap_or(now.minimum_rate),
            ideal_rate: ideal_rate.unwrap_or(now.ideal_rate),
            adjustment: adjustment.unwrap_or(now.adjustment),
            tick_ms: tick_ms.unwrap_or(now.tick_ms),
            dpc_limit: dpc_limit.unwrap_or(now.dpc_limit),
            sum_limit: sum_limit.unwrap_or(now.sum_limit),
            threaded: threaded.unwrap_or(now.threaded),
            idle_drain: idle_drain.unwrap_or(now.idle_drain),
        });
        Ok(())
    }
}
