// SPDX-License-Identifier: GPL-2.0

//! A tasklet scheduled many times before it runs, runs once.
//!
//! With interrupts off nothing on this CPU can run it meanwhile: disabled bottom
//! halves would not do on PREEMPT_RT, where another task may serve the soft IRQ.

use crate::claim::{
    judge,
    prelude::*, //
};
use crate::{
    runs::Runs, //
};
use irqlab::tasklet::Tasklet;
use kernel::interrupt::local_interrupt_disable;

claim! {
    quote: "Unless a tasklet reactivates itself, every tasklet activation triggers at most one execution of the tasklet function",
    section: "Tasklets",
    today: "so since Linux 2.3: a bit of the tasklet says that it is scheduled, and whoever finds it set does nothing",
    functions: "tasklet_schedule(), __tasklet_schedule(), tasklet_clear_sched()",
    control: "it may run between one and the next",
    next: "cd deferral/tasklet; echo 5 > schedule; cat context",
}

const COUNT: u64 = 10;

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let tasklet = KBox::pin_init(Tasklet::new(Ok(Runs::new())), GFP_KERNEL)?;
    if trial.is_control() {
        for run in 0..COUNT {
            tasklet.schedule();
            trial.eventually(2000, || tasklet.count() > run);
        }
    } else {
        let _guard = local_interrupt_disable();
        for _ in 0..COUNT {
            tasklet.schedule();
        }
    }
    trial.eventually(2000, || tasklet.count() > 0);
    trial.settle();
    let runs = tasklet.count();
    judge!(runs == 1, "scheduled {} times, ran {}", COUNT, runs)
}
