// SPDX-License-Identifier: GPL-2.0

//! Levels above the lock level have no threads, and their handlers do not block.
//!
//! That they do not is for the compiler to see: their handler is a plain function. (The test
//! `compile_fail/wait_above_the_lock_level.rs` has one that awaits.)

use super::actor::{
    level,
    threads,
    Actor, //
};
use crate::{
    claim::prelude::*,
    refusal::refuse, //
};
use irqlab::{
    context::Kind,
    interrupt_thread::{
        Handlers,
        LOCK_LEVEL, //
    },
    smp,
};

claim! {
    quote: "Solaris serves interrupts in dedicated threads (translated): those up to the lock level, \
            as its authors say in \"Interrupts as Threads\"",
    section: "4.1.1.3. Example: Solaris Pinned Threads",
    today: "rebuilt: above level 10 a handler is a function that runs in the hard IRQ itself",
    functions: "interrupt_thread::HighHandler",
    control: "the interrupt is of the lock level, not above it",
    next: "# on the host, in the source tree: make compile-fail",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [cpu] = trial.cpus()?;
    let number = trial.pick(LOCK_LEVEL + 2, LOCK_LEVEL);
    let actor = Actor::new()?;
    let pools = threads(&[(number, &actor)], trial)?;
    let high = level(number)?;
    smp::call_on(cpu, trial.task, |_off| pools.raise(high))??;
    trial.come("the interrupt", || actor.nr_ended() == 1)?;
    let Some(at) = actor.begun() else {
        refuse!(EIO, "no snapshot");
    };
    let has_thread = Handlers::new().thread(high, actor.clone()).is_ok();
    evidence.check(
        at.kind() == Kind::HardIrq && at.irqs_disabled,
        fmt!(
            "level {number} was served in {} context, IF = {}",
            at.kind(),
            u8::from(!at.irqs_disabled)
        ),
    )?;
    evidence.check(
        !has_thread,
        fmt!(
            "a thread for it is {}",
            if has_thread { "to be had" } else { "refused" }
        ),
    )?;
    evidence.holds()
}
