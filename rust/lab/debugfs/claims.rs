// SPDX-License-Identifier: GPL-2.0

//! `claims`: runs experiments, and shows the verdicts with their evidence.
//!
//! Write a claim's id, a group (`TASK`) or `all`; a second word `control` runs
//! the broken variant of each instead, which must not hold.

use super::Knob;
use crate::{
    claim::Variant,
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

pub(super) struct Claims;

impl Knob for Claims {
    const NAME: &'static CStr = c"claims";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.claims.show(text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        let mut words = command.split_ascii_whitespace();
        let Some(which) = words.next() else {
            refuse!(EINVAL, "an id, a group or 'all' is missing");
        };
        let variant = match words.next() {
            None => Variant::Experiment,
            Some("control") => Variant::Control,
            Some(word) => refuse!(EINVAL, "'{}' is not 'control'", word),
        };
        if let Some(word) = words.next() {
            refuse!(EINVAL, "'{}' is one word too many", word);
        }
        lab.claims.run(lab, which, variant, task)
    }
}
