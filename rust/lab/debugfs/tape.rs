// SPDX-License-Identifier: GPL-2.0

//! `tape`, `tape_on`, `tape_size`: the last events of every CPU as one time line.

use super::Knob;
use crate::{
    command,
    laboratory::Lab,
    recorder::{
        MAX_EVENTS,
        MIN_EVENTS, //
    },
    refusal::Answer,
};
use irqlab::{
    context::Task,
    debugfs::{
        Mode,
        Stream, //
    },
    emit,
    text::Text, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// `tape`: the time line. As it is long, it is not kept for each who has it open, but
/// written as it is read.
pub(super) struct Tape;

impl Knob for Tape {
    const NAME: &'static CStr = c"tape";
    const MODE: Mode = Mode::ReadOnly;

    fn stream(&self, lab: &Lab, _task: &Task) -> Answer<Option<KBox<dyn Stream>>> {
        Ok(Some(KBox::new(lab.recorder.read()?, GFP_KERNEL)?))
    }
}

/// `tape_on`: 1 while events are noted; write 1 to begin a new tape, 0 to end it.
pub(super) struct TapeOn;

impl Knob for TapeOn {
    const NAME: &'static CStr = c"tape_on";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(emit!(text, "{}\n", u8::from(lab.recorder.is_on()))?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, task: &Task) -> Answer {
        if command::switch(command)? {
            lab.recorder.start(task)
        } else {
            lab.recorder.stop(task)
        }
    }
}

/// `tape_size`: how many events the next tape keeps of each CPU.
pub(super) struct TapeSize;

impl Knob for TapeSize {
    const NAME: &'static CStr = c"tape_size";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(emit!(text, "{}\n", lab.recorder.nr_events())?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        lab.recorder
            .resize(command::number(command, MIN_EVENTS..=MAX_EVENTS)?)
    }
}
