// SPDX-License-Identifier: GPL-2.0

//! A tasklet may schedule itself again; killing it waits for it.
//!
//! It is killed by one CPU while it runs on another. In the control it does not schedule itself.

use crate::claim::{
    log::{
        Log,
        What, //
    },
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        SoftIrq, //
    },
    cpu,
    tasklet::{
        Handler,
        Kind,
        Tasklet, //
    },
};
use kernel::{
    new_mutex,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

claim! {
    quote: "Unless a tasklet reactivates itself, every tasklet activation triggers at most one execution",
    section: "Tasklets",
    today: "so: it is no longer scheduled when it begins to run, and may be again; tasklet_kill() waits until it is neither scheduled nor running",
    functions: "tasklet_clear_sched(), tasklet_kill(), tasklet_unlock_wait()",
    control: "it does not schedule itself",
    next: "echo SIRQ-07 > claims; grep ^SIRQ-07 claims",
}

/// How often it is to run by itself.
const RUNS: u64 = 5;
/// How long it waits to be killed, and goes on after that is about to happen.
const PATIENCE_NS: u64 = 1_000_000_000;
const MORE_NS: u64 = 2_000_000;

struct Repeater {
    seen: Arc<Seen>,
    is_repeating: bool,
}

/// What outlives the tasklet.
struct Seen {
    runs: Atomic<u64>,
    is_awaited: Atomic<bool>,
    is_inside: Atomic<bool>,
}

impl Handler<Kind> for Repeater {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let seen = &this.seen;
        seen.is_inside.store(true, Release);
        if this.is_repeating && seen.runs.fetch_add(1, Relaxed) + 1 < RUNS {
            this.schedule();
        } else if seen.is_awaited.load(Acquire) {
            clock::spin_until(PATIENCE_NS, || !seen.is_awaited.load(Acquire));
            clock::spin_ns(MORE_NS);
        }
        seen.is_inside.store(false, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [one, other] = trial.cpus()?;
    let seen = Seen {
        runs: Atomic::new(0),
        is_awaited: Atomic::new(false),
        is_inside: Atomic::new(false),
    };
    let seen = Arc::new(seen, GFP_KERNEL)?;
    let repeater = Repeater {
        seen: seen.clone(),
        is_repeating: !trial.is_control(),
    };
    let tasklet = KBox::pin_init(Tasklet::new(Ok(repeater)), GFP_KERNEL)?;
    let (id, log) = (tasklet.id(), Log::of([tasklet.function(), 0])?.tasklets()?);
    tasklet.schedule();
    let nr_began = || log.count(What::Began, id);
    let have_run = || nr_began().is_ok_and(|runs| runs >= RUNS);
    if trial.is_control() {
        trial.eventually(trial.patience_ms(), have_run);
    } else {
        trial.come("a tasklet that schedules itself", have_run)?;
    }
    let runs = nr_began()?;

    evidence.check(
        runs == RUNS,
        fmt!(
            "scheduled once, {}: by the kernel's tasklet_entry it ran {runs} times",
            trial.pick(
                "and again by itself until its fifth run",
                "and not by itself"
            )
        ),
    )?;

    pin_init::stack_pin_init!(let tasklet = new_mutex!(Some(tasklet)));
    let (was_inside, has_ended) = (Atomic::new(false), Atomic::new(false));
    seen.is_awaited.store(true, Release);
    cpu::run_on(
        &trial.lab().workers,
        [one, other].into_iter(),
        trial.task,
        |here| {
            let is_inside = || seen.is_inside.load(Acquire);
            if here.cpu == one {
                let tasklet = tasklet.lock();
                // It runs as the guard goes, when the lock is free.
                let _guard = BottomHalvesDisabled::new(here.task);
                if let Some(tasklet) = &*tasklet {
                    tasklet.schedule();
                }
                drop(tasklet);
            } else if clock::spin_until(PATIENCE_NS, is_inside) {
                let tasklet = tasklet.lock().take();
                was_inside.store(is_inside(), Relaxed);
                seen.is_awaited.store(false, Release);
                // Dropping it kills it.
                drop(tasklet);
                has_ended.store(!is_inside(), Relaxed);
            }
        },
    )?;
    if !was_inside.load(Relaxed) {
        skip!(
            Missed: "CPU {} did not come to kill it while it ran on CPU {}",
            other.as_u32(),
            one.as_u32()
        );
    }
    evidence.check(
        has_ended.load(Relaxed),
        fmt!(
            "killed on CPU {} while it ran on CPU {}: it {} when that was done",
            other.as_u32(),
            one.as_u32(),
            if has_ended.load(Relaxed) {
                "had ended"
            } else {
                "still ran"
            }
        ),
    )?;
    evidence.holds()
}
