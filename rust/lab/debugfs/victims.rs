// SPDX-License-Identifier: GPL-2.0

//! `victims/`: what others have suffered from the interrupts of the last `bench` with `victims=1`; and `worst`, what
//! happened around the worst of these interrupts.

use super::{
    file,
    Knob,
    KnobFile, //
};
use crate::{
    laboratory::Lab,
    refusal::Answer, //
};
use irqlab::{
    context::Task,
    debugfs::{
        Dir,
        Mode,
        Stream, //
    },
    text::Text,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The files of the directory.
pub(super) struct Files {
    _latencies: KnobFile<Latencies>,
    _ran: KnobFile<Ran>,
    _complaints: KnobFile<Complaints>,
}

impl Files {
    pub(super) fn new(root: &Dir, lab: &Arc<Lab>) -> Result<Self> {
        let dir = root.subdir(c"victims")?;
        Ok(Self {
            _latencies: file(&dir, lab, Latencies)?,
            _ran: file(&dir, lab, Ran)?,
            _complaints: file(&dir, lab, Complaints)?,
        })
    }
}

/// `latencies`: how long each had to wait.
struct Latencies;

impl Knob for Latencies {
    const NAME: &'static CStr = c"latencies";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.bench.show_latencies(text)?)
    }
}

/// `ran`: who had the CPU.
struct Ran;

impl Knob for Ran {
    const NAME: &'static CStr = c"ran";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.bench.show_ran(text)?)
    }
}

/// `complaints`: what the kernel said to it.
struct Complaints;

impl Knob for Complaints {
    const NAME: &'static CStr = c"complaints";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(lab.bench.show_complaints(text)?)
    }
}

/// `worst`: what happened around the event that took longest. As it is long, it is not kept for each who has it open,
/// but written as it is read.
pub(super) struct Worst;

impl Knob for Worst {
    const NAME: &'static CStr = c"worst";
    const MODE: Mode = Mode::ReadOnly;

    fn stream(&self, lab: &Lab, _task: &Task) -> Answer<Option<KBox<dyn Stream>>> {
        Ok(Some(KBox::new(lab.bench.read_worst()?, GFP_KERNEL)?))
    }
}
