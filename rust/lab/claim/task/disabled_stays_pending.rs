// SPDX-License-Identifier: GPL-2.0

//! A disabled tasklet stays pending until it is enabled; disabling nests.
//!
//! Not for free: the soft IRQ finds it, cannot run it, and raises itself again,
//! which keeps ksoftirqd busy all the while.

use crate::claim::{
    judge,
    prelude::*, //
};
use crate::{
    runs::Runs, //
};
use irqlab::{
    cpu,
    softirq::{
        self,
        Vector, //
    },
    tasklet::Tasklet, //
};
use kernel::{
    sync::Arc, //
};

claim! {
    quote: "Masking. Selectively disable a function so that it will be not executed even if activated.",
    section: "SoftIRQs and Tasklets",
    today: "so for tasklets, by a counter; the soft IRQ finds the tasklet, cannot run it and raises itself again, which keeps ksoftirqd busy",
    functions: "tasklet_disable(), tasklet_enable(), tasklet_action_common()",
    control: "it is disabled once, and enabled before it is scheduled",
    next: "cd deferral/tasklet; echo 0 > enabled; echo 1 > schedule; cat context; echo 1 > enabled; cat context",
}

/// How often the soft IRQ for tasklets ran, on all CPUs.
fn served() -> u64 {
    cpu::online()
        .map(|cpu| softirq::count(Vector::Tasklet, cpu))
        .sum()
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let tasklet = Arc::pin_init(Tasklet::new(Ok(Runs::new())), GFP_KERNEL)?;
    let runs = || tasklet.count();

    let outer = tasklet.disable(trial.task);
    let inner = if trial.is_control() {
        drop(outer);
        None
    } else {
        Some((outer, tasklet.disable(trial.task)))
    };
    let before = served();
    tasklet.schedule();
    // What has to happen is waited for, what must not is given some time. Here the soft IRQ has
    // to find it.
    trial.eventually(2000, || served() != before);
    trial.settle();
    let (disabled_runs, in_vain) = (runs(), served().wrapping_sub(before));
    let mut once_runs = 0;
    if let Some((outer, inner)) = inner {
        drop(inner);
        trial.settle();
        once_runs = runs();
        drop(outer);
    }
    trial.eventually(2000, || runs() > 0);
    trial.settle();
    judge!(
        disabled_runs == 0 && once_runs == 0 && runs() == 1,
        "disabled twice, scheduled: ran {}; enabled once: {}; enabled twice: {}; while it was \
         pending the soft IRQ ran {} times",
        disabled_runs,
        once_runs,
        runs(),
        in_vain
    )
}
