// SPDX-License-Identifier: GPL-2.0

//! `lapic`: the local APIC of every CPU, register by register.

use super::Knob;
use crate::{
    laboratory::Lab,
    refusal::Answer, //
};
use irqlab::{
    context::Task,
    debugfs::Mode,
    emit,
    lapic::{
        self,
        Command,
        Delivery,
        Entry,
        Source,
        State,
        Vectors, //
    },
    text::Text,
};
use kernel::prelude::*;

pub(super) struct Lapic;

impl Knob for Lapic {
    const NAME: &'static CStr = c"lapic";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, task: &Task) -> Answer {
        emit!(
            text,
            "# of each CPU, read in a task on it with interrupts off; irr, isr, tmr: the value is the \
             highest of the vectors\n#cpu register value decoded\n"
        )?;
        for (cpu, state) in State::read_all(&lab.workers, task)? {
            let mut table = Table {
                text: &mut *text,
                cpu: cpu.as_u32(),
            };
            table.show(&state)?;
        }
        Ok(())
    }
}

/// The rows of one CPU.
struct Table<'a> {
    text: &'a mut Text,
    cpu: u32,
}

impl Table<'_> {
    fn row(&mut self, name: &str, value: u64, decoded: kernel::fmt::Arguments<'_>) -> Result {
        emit!(self.text, "{} {} {:#x} ", self.cpu, name, value)?;
        emit!(self.text, "{}\n", decoded)
    }

    fn show(&mut self, state: &State) -> Result {
        let class = |priority: u8| priority >> 4;
        let on = if state.is_enabled() { "on" } else { "off" };
        if state.mode == lapic::Mode::None {
            return self.row("mode", 0, fmt!("none"));
        }
        self.row(
            "mode",
            state.mode.bits(),
            fmt!("{}, {}", state.mode.name(), on),
        )?;
        self.row("id", state.id.into(), fmt!("{}", state.id))?;
        self.row(
            "version",
            state.version.into(),
            fmt!("{:#x}, {} lvt", state.version & 0xff, state.nr_entries()),
        )?;
        self.row(
            "tpr",
            state.task_priority.into(),
            fmt!("class={}", class(state.task_priority)),
        )?;
        self.row(
            "ppr",
            state.processor_priority.into(),
            fmt!("class={}", class(state.processor_priority)),
        )?;
        match state.mode {
            lapic::Mode::X2Apic => self.row(
                "ldr",
                state.logical_id.into(),
                fmt!(
                    "cluster={:#x} member={:#x}",
                    state.logical_id >> 16,
                    state.logical_id & 0xffff
                ),
            ),
            _ => self.row(
                "ldr",
                state.logical_id.into(),
                fmt!("member={:#x}", state.logical_id >> 24),
            ),
        }?;
        self.row(
            "spurious",
            state.spurious.into(),
            fmt!("vector={:#x} {}", state.spurious & 0xff, on),
        )?;
        for (source, entry) in state.entries() {
            self.entry(source, entry)?;
        }
        self.vectors("irr", &state.requested)?;
        self.vectors("isr", &state.in_service)?;
        self.vectors("tmr", &state.level_triggered)?;
        self.command(state.command)
    }

    fn entry(&mut self, source: Source, entry: Entry) -> Result {
        emit!(
            self.text,
            "{} lvt_{} {:#x} ",
            self.cpu,
            source.name(),
            entry.0
        )?;
        // The others need no vector; for these two the field is reserved.
        let delivery = match source {
            Source::Timer | Source::Error => Delivery::Fixed,
            _ => entry.delivery(),
        };
        if delivery == Delivery::Fixed {
            emit!(self.text, "vector={:#x} ", entry.vector())?;
        }
        emit!(
            self.text,
            "delivery={} masked={} pending={}",
            delivery.name(),
            u8::from(entry.is_masked()),
            u8::from(entry.is_pending())
        )?;
        match source {
            Source::Timer => emit!(self.text, " mode={}", entry.timer_mode().name())?,
            Source::Lint0 | Source::Lint1 => emit!(
                self.text,
                " trigger={} active={} remote_irr={}",
                if entry.is_level_triggered() {
                    "level"
                } else {
                    "edge"
                },
                if entry.is_active_low() { "low" } else { "high" },
                u8::from(entry.is_remote_irr())
            )?,
            _ => {}
        }
        emit!(self.text, "\n")
    }

    fn vectors(&mut self, name: &str, vectors: &Vectors) -> Result {
        let highest = vectors.highest().unwrap_or(0);
        emit!(self.text, "{} {} {:#x}", self.cpu, name, highest)?;
        for vector in vectors.iter() {
            emit!(self.text, " {:#x}", vector)?;
        }
        emit!(
            self.text,
            "{}\n",
            if vectors.is_empty() { " none" } else { "" }
        )
    }

    fn command(&mut self, command: Command) -> Result {
        emit!(self.text, "{} icr {:#x} ", self.cpu, command.raw)?;
        emit!(
            self.text,
            "vector={:#x} delivery={} busy={} ",
            command.vector(),
            command.delivery().name(),
            u8::from(command.is_busy())
        )?;
        match command.shorthand() {
            Some(shorthand) => emit!(self.text, "to={}\n", shorthand),
            None => emit!(
                self.text,
                "to={:#x} {}\n",
                command.destination(),
                if command.is_logical() {
                    "logical"
                } else {
                    "physical"
                }
            ),
        }
    }
}
