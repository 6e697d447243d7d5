// SPDX-License-Identifier: GPL-2.0

//! `interrupt_threads/`: pools of interrupt threads for all levels.
//!
//! Write 1 to `on` to make them; to `handlers` what a level's handler is to do: `level=5`, and as
//! you like `run_us=` (how long it keeps the CPU, before and after it waits), `wait=` (`nothing`,
//! `thread`, `sleep`, `release`) and `sleep_us=`; to `raise` `level=5`, and as you like `cpu=` and
//! `count=`; to `release` a level. `pools` shows what came of it.

use super::{
    file,
    Knob,
    KnobFile, //
};
use crate::{
    command::{
        assignments,
        number,
        number_or,
        switch,
        Value, //
    },
    interrupt_threads::{
        WaitsFor,
        MAX_RUN_US,
        MAX_SLEEP_US, //
    },
    laboratory::Lab,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::Task,
    cpu::{
        self,
        CpuId, //
    },
    debugfs::{
        Dir,
        Mode, //
    },
    emit,
    interrupt_thread::{
        Level,
        LOCK_LEVEL,
        MAX_LEVEL, //
    },
    text::Text,
};
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*,
    sync::Arc, //
};

pub(super) struct Files {
    _handlers: KnobFile<HandlersKnob>,
    _on: KnobFile<On>,
    _pools: KnobFile<Pools>,
    _raise: KnobFile<Raise>,
    _release: KnobFile<Release>,
}

impl Files {
    pub(super) fn new(root: &Dir, lab: &Arc<Lab>) -> Result<Self> {
        let dir = root.subdir(c"interrupt_threads")?;
        Ok(Self {
            _handlers: file(&dir, lab, HandlersKnob)?,
            _on: file(&dir, lab, On)?,
            _pools: file(&dir, lab, Pools)?,
            _raise: file(&dir, lab, Raise)?,
            _release: file(&dir, lab, Release)?,
        })
    }
}

/// A level up to `highest`.
fn level<'a>(value: impl Into<Value<'a>>, highest: u8) -> Answer<Level> {
    let number = number(value, 1..=u64::from(highest))?;
    match Level::new(number as u8) {
        Some(level) => Ok(level),
        None => refuse!(ERANGE, "there is no level {}", number),
    }
}

/// The level of a command, which has to be there.
fn needed_level(value: Option<Value<'_>>) -> Answer<Level> {
    match value {
        Some(value) => level(value, MAX_LEVEL),
        None => refuse!(EINVAL, "level=<1 to {}> is missing", MAX_LEVEL),
    }
}

/// `on`: 1 while there are pools, else 0.
struct On;

impl Knob for On {
    const NAME: &'static CStr = c"on";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        let is_on = lab.interrupt_threads.is_on();
        Ok(emit!(text, "{}\n", u8::from(is_on))?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        if switch(command)? {
            lab.interrupt_threads.start(task)
        } else {
            let experiment = lab.begin(fmt!("interrupt_threads/on"))?;
            lab.interrupt_threads.stop(&experiment);
            Ok(())
        }
    }
}

/// `handlers`: what the handler of each level is to do.
struct HandlersKnob;

impl Knob for HandlersKnob {
    const NAME: &'static CStr = c"handlers";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.interrupt_threads.show_handlers(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        let [level, run_us, wait, sleep_us] =
            assignments(command, &["level", "run_us", "wait", "sleep_us"])?;
        let level = needed_level(level)?;
        let run_us = run_us
            .map(|word| number(word, 0..=MAX_RUN_US))
            .transpose()?;
        let wait = wait.map(|value| WaitsFor::find(&value)).transpose()?;
        let sleep_us = sleep_us
            .map(|word| number(word, 0..=MAX_SLEEP_US))
            .transpose()?;
        lab.interrupt_threads
            .script(level)
            .change(run_us, wait, sleep_us)
    }
}

/// `pools`: for each CPU and level, what it is doing and what it has done.
struct Pools;

impl Knob for Pools {
    const NAME: &'static CStr = c"pools";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.interrupt_threads.show_pools(text)?)
    }
}

/// `raise`: interrupts of a level, on a CPU.
struct Raise;

impl Knob for Raise {
    const NAME: &'static CStr = c"raise";
    const MODE: Mode = Mode::WriteOnly;

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let [level, cpu, count] = assignments(command, &["level", "cpu", "count"])?;
        let level = needed_level(level)?;
        let cpu = match cpu {
            Some(word) => {
                let number = number(word, 0..=u64::from(nr_cpu_ids()) - 1)?;
                CpuId::from_u32(number as u32)
            }
            None => cpu::online().next(),
        };
        let Some(cpu) = cpu else {
            refuse!(ENXIO, "there is no such CPU");
        };
        let count = number_or(count, 1, 1..=1_000_000)?;
        let experiment = lab.begin(fmt!("interrupt_threads/raise"))?;
        lab.interrupt_threads
            .raise(level, cpu, count, &experiment, task)
    }
}

/// `release`: the level whose handler is to go on, if it waits for that.
struct Release;

impl Knob for Release {
    const NAME: &'static CStr = c"release";
    const MODE: Mode = Mode::WriteOnly;

    fn command(&self, lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        lab.interrupt_threads.release(level(command, LOCK_LEVEL)?);
        Ok(())
    }
}
