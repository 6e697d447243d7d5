// SPDX-License-Identifier: GPL-2.0

//! `memory`: how many bytes the lab takes: its modules, and what it has allocated for what it records and keeps.

use super::Knob;
use crate::{
    laboratory::Lab,
    refusal::Answer, //
};
use irqlab::{
    context::Task,
    debugfs::Mode,
    emit,
    memory::Module,
    text::Text, //
};
use kernel::prelude::*;

pub(super) struct Memory;

impl Knob for Memory {
    const NAME: &'static CStr = c"memory";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        emit!(text, "#what bytes\n")?;
        let modules = [
            ("irqlab", Module::of::<crate::LocalModule>()),
            ("irqlab_core", Module::of_library()),
        ];
        for (name, module) in modules {
            emit!(
                text,
                "{0}_text {1}\n{0}_rodata {2}\n{0}_data {3}\n",
                name,
                module.text,
                module.rodata,
                module.data
            )?;
        }
        let bench = lab.bench.memory();
        let allocated = [
            ("rings", lab.ledger.ring_bytes()),
            ("tallies", lab.ledger.tally_bytes()),
            ("softirqs", lab.softirqs.nr_bytes()),
            ("nesting", lab.nesting.nr_bytes()),
            ("victims", bench.victims),
            ("worst", bench.worst),
            ("tape", lab.recorder.nr_bytes()),
            ("claims", lab.claims.nr_bytes()),
            ("ipi", lab.ipis.nr_bytes()),
        ];
        for (name, nr_bytes) in allocated {
            emit!(text, "{} {}\n", name, nr_bytes)?;
        }
        Ok(())
    }
}
