// SPDX-License-Identifier: GPL-2.0

//! Tasklet_hi_enable() schedules a tasklet at high priority.
//!
//! It never did that, and is gone: tasklet_hi_schedule() does.

use crate::claim::{
    evidence::{found, Verdict},
    prelude::*, //
};
use irqlab::symbol;

claim! {
    quote: "Enable functions are mapped to Soft IRQs lines: tasklet_enable() mapped to TASKLET_SOFTIRQ; tasklet_hi_enable() mapped to HI_SOFTIRQ",
    section: "Tasklets",
    today: "enabling only counts down, whatever the priority; tasklet_hi_enable() is gone; tasklet_hi_schedule() raises HI_SOFTIRQ",
    functions: "tasklet_enable(), __tasklet_schedule(), __tasklet_hi_schedule()",
    control: "looks for tasklet_kill() instead",
    next: "echo TASK-04 > claims; grep TASK-04 claims",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
