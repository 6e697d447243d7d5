// SPDX-License-Identifier: GPL-2.0

//! A handler that does not block returns to exactly the thread that it has interrupted.
//!
//! A thread interrupts itself, again and again. The handler ends with the thread as the current one that
//! it began with: that which raised it, unless another has the CPU by the time it comes. Whenever the
//! thread goes on the handler has ended, and the scheduler has switched to nobody in between. As often as
//! the machine has something else to do meanwhile, the scheduler does switch; so a single time without
//! shows that it takes no switch. Where the handler blocks, there is one every time.

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
    next: "echo SOL-02 > claims; grep ^SOL-02 claims",
}

const ROUNDS: u64 = 100;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [cpu] = trial.cpus()?;
    let blocks = trial.is_control();
    let actor = Actor::blocking(blocks)?;
    let pools = threads(&[(5, &actor)], trial)?;
    let level = level(5)?;
    let [own, returned, undisturbed] = [const { Atomic::new(0u64) }; 3];
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
            let [begun, ended] = [actor.begun(), actor.ended()].map(|at| at.map(|at| at.pid));
            own.add(u64::from(begun == Some(Snapshot::take().pid)), Relaxed);
            returned.add(u64::from(begun.is_some() && begun == ended), Relaxed);
            undisturbed.add(u64::from(is_undisturbed), Relaxed);
            here.task.yield_if_needed();
        }
    })?;
    let ended = actor.nr_ended();
    let [own, returned, undisturbed] = [own, returned, undisturbed].map(|nr| nr.load(Relaxed));
    if ended < ROUNDS {
        skip!(
            Missed: "{} of {} interrupts came in time",
            ended,
            ROUNDS
        );
    }
    if own == 0 {
        skip!(Missed: "none of {ROUNDS} interrupts met the thread that had raised it");
    }
    evidence.check(
        returned == ROUNDS,
        fmt!(
            "of {ROUNDS} handlers {returned} ended with the interrupted thread as the current one, {own} \
             times the one that had raised it"
        ),
    )?;
    evidence.check(
        undisturbed > 0,
        fmt!("{undisturbed} times it went on without a switch, so that it takes none"),
    )?;
    evidence.holds()
}
