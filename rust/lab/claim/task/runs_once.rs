// SPDX-License-Identifier: GPL-2.0

//! A tasklet that is scheduled many times before it runs, runs once.
//!
//! A second tasklet, which is scheduled last, shows when the first has had its turn. In the control
//! the first one has its turn between one time and the next.

use crate::{
    claim::{
        log::{
            Log,
            What, //
        },
        prelude::*,
        together::together, //
    },
    runs::Runs, //
};
use irqlab::tasklet::Tasklet;

claim! {
    quote: "Unless a tasklet reactivates itself, every tasklet activation triggers at most one execution of the tasklet function",
    section: "Tasklets",
    today: "so since Linux 2.3: a bit of the tasklet says that it is scheduled, and whoever finds it set does nothing",
    functions: "tasklet_schedule(), __tasklet_schedule(), tasklet_clear_sched()",
    control: "it may run between one and the next",
    next: "echo 5 > deferral/tasklet/schedule; cat deferral/tasklet/context",
}

const COUNT: u64 = 10;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let tasklet = || KBox::pin_init(Tasklet::new(Ok(Runs::new())), GFP_KERNEL);
    let (tasklet, last) = (tasklet()?, tasklet()?);
    let log = Log::of([tasklet.function(), 0])?.tasklets()?;
    let (turns, times) = trial.pick((1, COUNT), (COUNT, 1));
    for turn in 1..=turns {
        together(trial, |_| {
            for _ in 0..times {
                tasklet.schedule();
            }
            last.schedule();
        });
        trial.come("a tasklet", || last.count() == turn)?;
    }
    let runs = tasklet.count();
    let seen = log.count(What::Began, tasklet.id())?;

    evidence.note(fmt!(
        "scheduled {COUNT} times, {}",
        trial.pick("before it could run", "and run after each time")
    ))?;
    evidence.check(runs == 1, fmt!("ran {runs} times"))?;
    evidence.check(
        seen == runs,
        fmt!("the kernel's tasklet_entry tells of {seen} runs"),
    )?;
    evidence.holds()
}
