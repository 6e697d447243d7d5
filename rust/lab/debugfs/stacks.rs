// SPDX-License-Identifier: GPL-2.0

//! `stacks`: on which stack each context ran, and how deep. Write `measure`.

use super::Knob;
use crate::{
    laboratory::Lab,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::Task,
    debugfs::Mode,
    text::Text, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) struct StacksKnob;

impl Knob for StacksKnob {
    const NAME: &'static CStr = c"stacks";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.stacks.show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        if command != "measure" {
            refuse!(EINVAL, "'{}' is not 'measure'", command);
        }
        lab.stacks.run(lab, task)
    }
}
