// SPDX-License-Identifier: GPL-2.0

//! `memory`: how many bytes the lab takes: its modules, and what it has allocated for what it records.

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
        Ok(emit!(
            text,
            "rings {}\ntallies {}\nsoftirqs {}\nnesting {}\n",
            lab.ledger.ring_bytes(),
            lab.ledger.tally_bytes(),
            lab.softirqs.nr_bytes(),
            lab.nesting.nr_bytes()
        )?)
    }
}
