// SPDX-License-Identifier: GPL-2.0

//! `lines/<line>/`: one interrupt line, to raise, watch, disable and move.

use super::{
    file,
    Knob,
    KnobFile, //
};
use crate::{
    command,
    laboratory::Lab,
    line::Line,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::Task,
    cpu::{
        is_online,
        CpuId, //
    },
    debugfs::{
        Dir,
        Mode, //
    },
    emit, irq,
    text::Text,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The files of one line.
pub(crate) struct LineFiles {
    _trigger: KnobFile<Trigger>,
    _handlers: KnobFile<Handlers>,
    _enabled: KnobFile<Enabled>,
    _affinity: KnobFile<Affinity>,
    _info: KnobFile<Info>,
}

impl LineFiles {
    pub(crate) fn new(lines: &Dir, lab: &Arc<Lab>, line: &Arc<Line>) -> Result<Self> {
        let dir = lines.subdir(line.name)?;
        Ok(Self {
            _trigger: file(&dir, lab, Trigger(line.clone()))?,
            _handlers: file(&dir, lab, Handlers(line.clone()))?,
            _enabled: file(&dir, lab, Enabled(line.clone()))?,
            _affinity: file(&dir, lab, Affinity(line.clone()))?,
            _info: file(&dir, lab, Info(line.clone()))?,
        })
    }
}

/// `trigger`: write how many interrupts to raise, one after the other.
struct Trigger(Arc<Line>);

impl Knob for Trigger {
    const NAME: &'static CStr = c"trigger";
    const MODE: Mode = Mode::WriteOnly;

    fn command(&self, _lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        self.0
            .trigger(command::number(command, 1..=1_000_000)?, task)
    }
}

/// `handlers`: the mechanism behind the line's top half; write another's name,
/// or `none`.
struct Handlers(Arc<Line>);

impl Knob for Handlers {
    const NAME: &'static CStr = c"handlers";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(emit!(text, "#mechanism\n{}\n", self.0.attached()?)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        let mechanism = match command {
            "none" => None,
            name => Some(lab.mechanism(name)?),
        };
        lab.lines.group(self.0.name())?.attach(mechanism)
    }
}

/// `enabled`: 0 while the lab keeps the line disabled, else 1. What is raised on
/// a disabled line is replayed once when it is enabled.
struct Enabled(Arc<Line>);

impl Knob for Enabled {
    const NAME: &'static CStr = c"enabled";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(emit!(text, "{}\n", u8::from(self.0.is_enabled()?))?)
    }

    fn command(&self, _lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        if command::switch(command)? {
            self.0.enable()
        } else {
            self.0.disable(task)
        }
    }
}

/// `affinity`: the CPU that the controller sends the line to, or `-` if that is the one
/// that raises; write another's number, or `all`.
struct Affinity(Arc<Line>);

impl Knob for Affinity {
    const NAME: &'static CStr = c"affinity";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(match self.0.source.line().info()?.cpu {
            Some(cpu) => emit!(text, "{}\n", cpu.as_u32()),
            None => emit!(text, "-\n"),
        }?)
    }

    fn command(&self, _lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        if command == "all" {
            return self.0.move_anywhere();
        }
        let nr_cpus = u64::from(kernel::cpu::nr_cpu_ids());
        let number = command::number(command, 0..=nr_cpus - 1)? as u32;
        let Some(cpu) = CpuId::from_u32(number).filter(|cpu| is_online(*cpu)) else {
            refuse!(ENXIO, "CPU {} is offline", number);
        };
        self.0.move_to(cpu)
    }
}

/// `info`: everything that is known about the line.
struct Info(Arc<Line>);

impl Knob for Info {
    const NAME: &'static CStr = c"info";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        let line = &self.0;
        let info = line.source.line().info()?;
        emit!(text, "#key value\n")?;
        emit!(text, "kind {}\n", line.source.kind())?;
        emit!(text, "irq {}\n", line.source.line().irq())?;
        emit!(text, "controller {}\n", info.chip)?;
        emit!(text, "hwirq {}\n", info.hwirq)?;
        emit!(text, "trigger {}\n", info.trigger)?;
        emit!(text, "disable_depth {}\n", info.disable_depth)?;
        emit!(text, "masked {}\n", u8::from(info.is_masked))?;
        match info.cpu {
            Some(cpu) => emit!(text, "cpu {}\n", cpu.as_u32())?,
            None => emit!(text, "cpu -\n")?,
        }
        match info.vector {
            Some(vector) => emit!(text, "vector {:#x}\n", vector)?,
            None => emit!(text, "vector -\n")?,
        }
        let (_, effective) = irq::Affinity::of(line.source.line())?;
        emit!(
            text,
            "affinity {}\n",
            irq::Affinity::next(line.source.line())?
        )?;
        if effective.is_empty() {
            emit!(text, "effective_affinity -\n")?;
        } else {
            emit!(text, "effective_affinity {}\n", effective)?;
        }
        emit!(text, "raised {}\n", line.counts.raised.load())?;
        emit!(text, "handled {}\n", line.counts.handled.load())?;
        emit!(text, "foreign {}\n", line.counts.foreign.load())?;
        emit!(text, "interrupts {}\n", info.nr_interrupts)?;
        Ok(())
    }
}
