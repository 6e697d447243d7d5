// SPDX-License-Identifier: GPL-2.0

//! TASK-06: tasklet_hi_enable() schedules a tasklet at high priority.
//!
//! It never did that, and is gone: tasklet_hi_schedule() does.

use super::{
    found,
    Claim,
    Finding,
    Trial,
    Verdict, //
};
use crate::refusal::Answer;
use irqlab::symbol;
use kernel::prelude::*;

pub(super) const CLAIM: Claim = Claim {
    id: "TASK-06",
    text: "tasklet_hi_enable() schedules a tasklet at high priority",
    control: "looks for tasklet_kill() instead",
    run,
};

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let name = if trial.is_control() {
        c"tasklet_kill"
    } else {
        c"tasklet_hi_enable"
    };
    // What tasklet_hi_schedule(), an inline function, calls.
    let successor = c"__tasklet_hi_schedule";
    let is_there = symbol::exists(name, trial.task);
    let has_successor = symbol::exists(successor, trial.task);
    let verdict = if !is_there && has_successor {
        Verdict::Outdated
    } else {
        Verdict::Fails
    };
    let say = |is_there| if is_there { "there" } else { "not there" };
    found(
        verdict,
        fmt!(
            "{} is {}, {} is {}",
            name,
            say(is_there),
            successor,
            say(has_successor)
        ),
    )
}
