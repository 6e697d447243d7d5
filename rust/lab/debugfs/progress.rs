// SPDX-License-Identifier: GPL-2.0

//! `progress`: which experiment is running, and how far it has come.

use super::Knob;
use crate::{
    laboratory::Lab,
    refusal::Answer, //
};
use irqlab::{
    context::Task,
    debugfs::Mode,
    text::Text, //
};
use kernel::prelude::*;

pub(super) struct Progress;

impl Knob for Progress {
    const NAME: &'static CStr = c"progress";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.progress.show(text)?)
    }
}
