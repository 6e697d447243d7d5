// SPDX-License-Identifier: GPL-2.0

//! `ipi/`: interrupts between CPUs.
//!
//! Write to `call` `kind=<kind>`, and if the defaults do not suit `cpus=` (a list as `0-3,7`;
//! all that are online, but for the sender's), `count=1000`, `wait=1`, `from=` (the first
//! CPU that is online), `senders=2` (how many, for `kind=contended`), `target=idle` (or
//! `busy`, `irqs_off`) and `hold_us=200`; to `matrix` `kind=single`, `cpus=` (all that are
//! online), `rounds=100`, `budget_ms=5000`, `target=`, `hold_us=` and `parallel=0`; to `modes` `count=100`,
//! `batches=10` and `cpu=`; to `who` `on`, `off` or `reset`.

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
        text_or,
        Value, //
    },
    ipi::{
        call,
        counters,
        kind::{
            Kind,
            Reach, //
        },
        matrix,
        modes,
        target::Target, //
    },
    laboratory::Lab,
    refusal::{
        refuse,
        Answer,
        List, //
    },
};
use irqlab::{
    context::Task,
    cpu::{
        self,
        CpuId,
        Set, //
    },
    debugfs::{
        Dir,
        Mode, //
    },
    text::Text,
};
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*,
    sync::Arc, //
};

pub(super) struct Files {
    _call: KnobFile<Call>,
    _cdf: KnobFile<Cdf>,
    _counters: KnobFile<Counters>,
    _matrix: KnobFile<Matrix>,
    _modes: KnobFile<Modes>,
    _who: KnobFile<Who>,
}

impl Files {
    pub(super) fn new(root: &Dir, lab: &Arc<Lab>) -> Result<Self> {
        let dir = root.subdir(c"ipi")?;
        Ok(Self {
            _call: file(&dir, lab, Call)?,
            _cdf: file(&dir, lab, Cdf)?,
            _counters: file(&dir, lab, Counters)?,
            _matrix: file(&dir, lab, Matrix)?,
            _modes: file(&dir, lab, Modes)?,
            _who: file(&dir, lab, Who)?,
        })
    }
}

/// `call`: sends interrupts of one kind, and shows what came of them.
struct Call;

impl Knob for Call {
    const NAME: &'static CStr = c"call";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.ipis.call.lock().show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let keys = [
            "kind", "cpus", "count", "wait", "from", "senders", "target", "hold_us",
        ];
        let [kind, cpus, count, wait, from, senders, target, hold_us] =
            assignments(command, &keys)?;
        let Some(kind) = kind else {
            refuse!(
                EINVAL,
                "kind=<kind> is missing; there are: {}",
                List(&Kind::ALL.map(Kind::name))
            );
        };
        let kind = Kind::find(&kind)?;
        let wait = wait.map_or(Ok(true), switch)?;
        if !wait && !kind.may_go_on() {
            refuse!(
                EINVAL,
                "kind={} always waits: leave out wait=0",
                kind.name()
            );
        }
        let count = number_or(count, 1000, 1..=1_000_000)?;
        let target = Target::find(text_or(target, "idle"), hold(hold_us)?)?;
        let from = cpu_or_first(from)?;
        let senders = match (senders, kind) {
            (None, Kind::Contended) => contenders(from, 2)?,
            (Some(word), Kind::Contended) => {
                contenders(from, number(word, 1..=u64::from(nr_cpu_ids()))? as usize)?
            }
            (None, _) => Set::of([from])?,
            (Some(_), _) => refuse!(EINVAL, "senders= is for kind=contended"),
        };
        let targets = match (cpus, kind.reach()) {
            (None, Reach::Own) => Set::of([from])?,
            (None, _) if matches!(kind, Kind::Each | Kind::Contended) => Set::online()?,
            (None, _) => Set::of(cpu::online().filter(|cpu| *cpu != from))?,
            (Some(list), reach) => {
                let cpus = set(list)?;
                if reach == Reach::Own && (cpus.len() != 1 || !cpus.contains(from)) {
                    refuse!(
                        EINVAL,
                        "kind={} is for the sender's own CPU, which is from={}: leave out cpus=",
                        kind.name(),
                        from.as_u32()
                    );
                }
                if kind == Kind::Broadcast && cpus.iter().eq([from]) {
                    refuse!(
                        EINVAL,
                        "kind=broadcast leaves out the sender's CPU, which is from={}: name others in cpus=",
                        from.as_u32()
                    );
                }
                cpus
            }
        };
        if targets.is_empty() {
            refuse!(ENXIO, "there is no other CPU");
        }
        let plan = call::Plan {
            kind,
            senders,
            targets,
            target,
            wait,
            count,
        };
        call::run(lab, &plan, task)
    }
}

/// A list of CPUs, of which there is one at least.
fn set(list: Value<'_>) -> Answer<Set> {
    match Set::parse(&list) {
        Ok(cpus) if cpus.is_empty() => refuse!(EINVAL, "there is no CPU in '{}'", list),
        Ok(cpus) => Ok(cpus),
        Err(EINVAL) => refuse!(EINVAL, "'{}' is not a list of CPUs, as 0-3,7", list),
        Err(ERANGE) => refuse!(ERANGE, "'{}' goes beyond CPU {}", list, nr_cpu_ids() - 1),
        Err(error) => Err(error.into()),
    }
}

fn cpu_or_first(value: Option<Value<'_>>) -> Answer<CpuId> {
    let cpu = match value {
        Some(value) => CpuId::from_u32(number(value, 0..=u64::from(nr_cpu_ids() - 1))? as u32),
        None => cpu::online().next(),
    };
    Ok(cpu.ok_or(ENXIO)?)
}

/// So many CPUs that are online, `from` first.
fn contenders(from: CpuId, count: usize) -> Answer<Set> {
    let others = cpu::online().filter(|cpu| *cpu != from);
    let mut cpus = Set::of(others.take(count.saturating_sub(1)))?;
    cpus.insert(from);
    if cpus.len() < count {
        refuse!(
            ENXIO,
            "kind=contended by senders={} needs as many CPUs, and {} can be used",
            count,
            cpus.len()
        );
    }
    Ok(cpus)
}

fn hold(value: Option<Value<'_>>) -> Answer<Option<u32>> {
    match value {
        Some(value) => Ok(Some(number(value, 1..=10_000)? as u32)),
        None => Ok(None),
    }
}

/// `matrix`: times one kind between every two CPUs.
struct Matrix;

impl Knob for Matrix {
    const NAME: &'static CStr = c"matrix";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.ipis.matrix.lock().show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let keys = [
            "kind",
            "cpus",
            "rounds",
            "budget_ms",
            "target",
            "hold_us",
            "parallel",
        ];
        let [kind, cpus, rounds, budget_ms, target, hold_us, parallel] =
            assignments(command, &keys)?;
        let kind = Kind::find(text_or(kind, "single"))?;
        if kind.reach() == Reach::Many {
            refuse!(
                EINVAL,
                "kind={} is not between two CPUs: write it to ipi/call",
                kind.name()
            );
        }
        let cpus = match cpus {
            Some(list) => set(list)?,
            None => Set::online()?,
        };
        let plan = matrix::Plan {
            kind,
            cpus,
            target: Target::find(text_or(target, "idle"), hold(hold_us)?)?,
            rounds: number_or(rounds, 100, 1..=1_000_000)?,
            budget_ms: number_or(budget_ms, 5000, 1..=3_600_000)?,
            is_parallel: parallel.map_or(Ok(false), switch)?,
        };
        matrix::run(lab, &plan, task)
    }
}

/// `cdf`: the whole distribution of what `call` or `matrix` has measured last.
struct Cdf;

impl Knob for Cdf {
    const NAME: &'static CStr = c"cdf";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.ipis.show_cdf(text)?)
    }
}

/// `counters`: what the kernel has counted.
struct Counters;

impl Knob for Counters {
    const NAME: &'static CStr = c"counters";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(counters::show(text)?)
    }
}

/// `modes`: what a call costs, in the five ways that C is compared with.
struct Modes;

impl Knob for Modes {
    const NAME: &'static CStr = c"modes";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.ipis.modes.lock().show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let [count, batches, cpu] = assignments(command, &["count", "batches", "cpu"])?;
        let plan = modes::Plan {
            cpu: cpu_or_first(cpu)?,
            count: number_or(count, 100, 1..=10_000)?,
            batches: number_or(batches, 10, 1..=1000)?,
        };
        modes::run(lab, &plan, task)
    }
}

/// `who`: who interrupts whom, of the whole kernel.
struct Who;

impl Knob for Who {
    const NAME: &'static CStr = c"who";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.ipis.who.show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        lab.ipis.who.command(command)
    }
}
