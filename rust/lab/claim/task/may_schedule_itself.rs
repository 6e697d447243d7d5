// SPDX-License-Identifier: GPL-2.0

//! A tasklet may schedule itself again; killing it waits for it.

use crate::claim::{
    judge,
    prelude::*, //
};
use irqlab::{
    clock,
    context::SoftIrq,
    tasklet::{
        Handler,
        Tasklet, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "Unless a tasklet reactivates itself, every tasklet activation triggers at most one execution",
    section: "Tasklets",
    today: "so: it is no longer scheduled when it begins to run, and may be again; tasklet_kill() waits until it is neither scheduled nor running",
    functions: "tasklet_clear_sched(), tasklet_kill(), tasklet_unlock_wait()",
    control: "it does not schedule itself",
    next: "echo SIRQ-07 > claims; grep SIRQ-07 claims",
}

/// How often it is to run, and how long each time.
const RUNS: u64 = 5;
const RUN_NS: u64 = 1_000_000;

struct Repeater {
    seen: Arc<Seen>,
    is_repeating: bool,
}

/// What outlives the tasklet.
struct Seen {
    runs: Atomic<u64>,
    is_inside: Atomic<bool>,
}

impl Handler for Repeater {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let seen = &this.seen;
        seen.is_inside.store(true, Release);
        clock::spin_ns(RUN_NS);
        let runs = seen.runs.fetch_add(1, Relaxed) + 1;
        if this.is_repeating && runs < RUNS {
            this.schedule();
        }
        seen.is_inside.store(false, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let seen = Seen {
        runs: Atomic::new(0),
        is_inside: Atomic::new(false),
    };
    let seen = Arc::new(seen, GFP_KERNEL)?;
    let runs = || seen.runs.load(Relaxed);
    let repeater = Repeater {
        seen: seen.clone(),
        is_repeating: !trial.is_control(),
    };
    let tasklet = KBox::pin_init(Tasklet::new(Ok(repeater)), GFP_KERNEL)?;
    tasklet.schedule();
    let has_repeated = trial.eventually(trial.patience_ms(), || runs() == RUNS);
    let repeated = runs();

    // Once more, and killed (which is what dropping does) while it runs.
    tasklet.schedule();
    trial.eventually(2000, || seen.is_inside.load(Acquire) || runs() > repeated);
    drop(tasklet);
    let was_inside = seen.is_inside.load(Acquire);
    let at_kill = runs();
    trial.settle();
    judge!(
        has_repeated && !was_inside && runs() == at_kill && at_kill > repeated,
        "scheduled once, ran {} times by scheduling itself; killed while it ran: {} when the kill \
         was done, ran {} times afterwards",
        repeated,
        if was_inside {
            "still running"
        } else {
            "finished"
        },
        runs() - at_kill
    )
}
