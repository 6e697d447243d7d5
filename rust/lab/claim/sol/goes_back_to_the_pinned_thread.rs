// SPDX-License-Identifier: GPL-2.0

//! A handler that does not block returns to exactly the thread that it has interrupted.
//!
//! A thread interrupts itself, again and again. Whenever it goes on the handler has ended, and the
//! scheduler has switched to nobody in between. As often as the machine has something else to do
//! meanwhile, the scheduler does switch; so a single time without shows that it takes no switch.
//! Where the handler blocks, there is one every time.

use super::actor::{
    level,
    on_cpu,
    spin_until,
    threads,
    Actor, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    context::Snapshot,
    task, //
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "an interrupt thread is run that serves the interrupt, and after its end the pinned \
            thread is woken (translated)",
    section: "4.1.1.3. Example: Solaris Pinned Threads",
    today: "rebuilt: the handler is below the interrupted thread's own stack frames or on the IRQ \
            stack, and simply returns",
    functions: "irqentry_exit()",
    control: "the handler blocks, and is let go by the thread",
    next: "echo SOL-02 > claims; cat claims",
}

const ROUNDS: u64 = 100;

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let [cpu] = trial.cpus()?;
    let blocks = trial.is_control();
    let actor = Actor::blocking(blocks)?;
    let pools = threads(&[(5, &actor)], trial)?;
    let level = level(5)?;
    let (met_itself, undisturbed) = (Atomic::new(0u64), Atomic::new(0u64));
    on_cpu(trial, cpu, |here| {
        for round in 1..=ROUNDS {
            let switches = task::nr_switches(here.task);
            let came = pools.raise(level).is_ok() && spin_until(|| actor.nr_begun() == round) && {
                if blocks {
                    actor.let_go.complete();
                }
                spin_until(|| actor.nr_ended() == round)
            };
            if !came || here.is_stopped() {
                break;
            }
            let is_undisturbed = task::nr_switches(here.task) == switches;
            let own_pid = Snapshot::take().pid;
            let is_same = actor.ended().is_some_and(|end| end.pid == own_pid);
            met_itself.add(u64::from(is_same), Relaxed);
            undisturbed.add(u64::from(is_undisturbed), Relaxed);
            here.task.yield_if_needed();
        }
    })?;
    let ended = actor.nr_ended();
    let (met_itself, undisturbed) = (met_itself.load(Relaxed), undisturbed.load(Relaxed));
    if ended < ROUNDS {
        skip!(
            "the machine is too busy: {} of {} interrupts came in time",
            ended,
            ROUNDS
        );
    }
    let mut evidence = Evidence::new();
    evidence.check(
        met_itself == ROUNDS,
        fmt!("of {ROUNDS} handlers {met_itself} ended with the interrupted thread as the current one"),
    )?;
    evidence.check(
        undisturbed > 0,
        fmt!("{undisturbed} times it went on without a switch, so that it takes none"),
    )?;
    evidence.holds()
}
