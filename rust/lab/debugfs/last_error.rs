// SPDX-License-Identifier: GPL-2.0

//! `last_error`: why the last refused command was refused; empty if none was.

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

pub(super) struct LastError;

impl Knob for LastError {
    const NAME: &'static CStr = c"last_error";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.last_error.show(text)?)
    }
}
