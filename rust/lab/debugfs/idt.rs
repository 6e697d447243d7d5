// SPDX-License-Identifier: GPL-2.0

//! `idt`: the gates of the interrupt descriptor table.

use super::Knob;
use crate::{
    laboratory::Lab,
    refusal::Answer, //
};
use irqlab::{
    context::Task,
    debugfs::Mode,
    emit,
    exception::Vector,
    idt::{
        self,
        Idt, //
    },
    symbol::{
        Address,
        Name, //
    },
    text::Text,
};
use kernel::prelude::*;

pub(super) struct IdtKnob;

impl Knob for IdtKnob {
    const NAME: &'static CStr = c"idt";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, _lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        let idt = Idt::current();
        emit!(
            text,
            "# base {}, limit {:#x}: {} gates of {} bytes; dispatched by {}\n\
             #vector name type dpl ist segment present handler handler_is\n",
            Address(idt.base()),
            idt.limit(),
            idt.len(),
            Idt::GATE_SIZE,
            if idt::is_fred() { "FRED" } else { "the IDT" }
        )?;
        for gate in idt.gates() {
            emit!(
                text,
                "{:<3} {:<3} {:<9} {} {} {:#x} {} {} {}\n",
                gate.vector,
                Vector(gate.vector),
                gate.kind,
                gate.dpl,
                gate.ist,
                gate.segment,
                u8::from(gate.is_present),
                Address(gate.handler),
                Name::of(gate.handler).place()
            )?;
        }
        Ok(())
    }
}
