// SPDX-License-Identifier: GPL-2.0

//! `softirqs`, `softirq_times`, `nesting`: what the kernel's soft IRQs do, and what interrupts what.
//!
//! Write `on` to begin, `off` to end, `reset` to count from 0 again. `softirq_times` is part of `softirqs`.

use super::Knob;
use crate::{
    laboratory::Lab,
    nesting,
    refusal::Answer,
    softirqs, //
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

pub(super) struct Softirqs;

impl Knob for Softirqs {
    const NAME: &'static CStr = c"softirqs";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(softirqs::show(&lab.softirqs, text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        lab.softirqs.command(command, softirqs::Softirqs::reset)
    }
}

pub(super) struct SoftirqTimes;

impl Knob for SoftirqTimes {
    const NAME: &'static CStr = c"softirq_times";
    const MODE: Mode = Mode::ReadOnly;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(softirqs::show_times(&lab.softirqs, text)?)
    }
}

pub(super) struct Nesting;

impl Knob for Nesting {
    const NAME: &'static CStr = c"nesting";
    const MODE: Mode = Mode::ReadWrite;

    fn show(&self, lab: &Lab, text: &mut Text, _task: &Task) -> Answer {
        Ok(nesting::show(&lab.nesting, text)?)
    }

    fn command(&self, lab: &Arc<Lab>, command: &str, _task: &Task) -> Answer {
        lab.nesting.command(command, nesting::Nesting::reset)
    }
}
