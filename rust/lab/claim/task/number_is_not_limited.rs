// SPDX-License-Identifier: GPL-2.0

//! The number of tasklets is not limited.
//!
//! Many are scheduled at the same time, and each has to run once. In the control every second one is
//! not scheduled.

use crate::{
    claim::{
        log::{
            Log,
            What, //
        },
        prelude::*, //
    },
    refusal::refuse,
    runs::Runs, //
};
use irqlab::{
    context::BottomHalvesDisabled,
    tasklet::Tasklet, //
};

claim! {
    quote: "The number of tasklets is not limited",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "so: they are linked into a list of the CPU by themselves, and memory is what limits them; there are ten soft IRQs",
    functions: "tasklet_setup(), __tasklet_schedule_common(), tasklet_action_common()",
    control: "every second one is not scheduled",
    next: "echo SIRQ-01 > claims; grep ^SIRQ-01 claims",
}

const TASKLETS: usize = 10_000;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let mut tasklets = KVVec::with_capacity(TASKLETS, GFP_KERNEL)?;
    for _ in 0..TASKLETS {
        let tasklet = Tasklet::new(Ok::<_, Error>(Runs::new()));
        tasklets.push(KBox::pin_init(tasklet, GFP_KERNEL)?, GFP_KERNEL)?;
        trial.task.yield_if_needed();
        if trial.task.is_interrupted() {
            refuse!(EINTR, "interrupted");
        }
    }
    let log = Log::with_room([tasklets[0].function(), 0], 2 * TASKLETS)?.tasklets()?;
    let scheduled = || tasklets.iter().step_by(trial.pick(1, 2));
    {
        // None runs before all are scheduled: when the guard goes.
        let _guard = BottomHalvesDisabled::new(trial.task);
        for tasklet in scheduled() {
            tasklet.schedule();
        }
    }
    trial.come("a tasklet", || {
        scheduled().all(|tasklet| tasklet.count() > 0)
    })?;
    let nr_once = tasklets.iter().filter(|tasklet| tasklet.count() == 1);
    let nr_once = nr_once.count();
    let events = log.events()?;
    let seen = events.iter().filter(|event| event.what == What::Began);
    let seen = seen.count();

    evidence.note(fmt!(
        "of {TASKLETS} tasklets {} were scheduled at the same time",
        scheduled().count()
    ))?;
    evidence.check(nr_once == TASKLETS, fmt!("{nr_once} ran once"))?;
    evidence.check(
        seen == nr_once,
        fmt!("the kernel's tasklet_entry tells of {seen} runs"),
    )?;
    evidence.holds()
}
