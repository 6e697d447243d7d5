// SPDX-License-Identifier: GPL-2.0

//! TASK-01: a tasklet scheduled many times before it runs, runs once.
//!
//! With interrupts off nothing on this CPU can run it meanwhile: disabled bottom
//! halves would not do on PREEMPT_RT, where another task may serve the soft IRQ.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    refusal::Answer,
    runs::Runs, //
};
use irqlab::tasklet::Tasklet;
use kernel::{
    interrupt::local_interrupt_disable,
    prelude::*, //
};

pub(super) const CLAIM: Claim = Claim {
    id: "TASK-01",
    text: "a tasklet scheduled many times before it runs, runs once",
    control: "it may run between one and the next",
    run,
};

const COUNT: u64 = 10;

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
