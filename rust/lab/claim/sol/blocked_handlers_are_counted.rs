// SPDX-License-Identifier: GPL-2.0

//! Handlers that block are counted: so the authors could say how seldom it happens.
//!
//! Of a number of interrupts every third one's handler blocks. The library's counts have to agree
//! with those of the handlers themselves.

use super::actor::{
    level,
    threads,
    Actor, //
};
use crate::claim::prelude::*;
use irqlab::smp;
use kernel::sync::atomic::Relaxed;

claim! {
    quote: "if the interrupt thread called a function that has to put it to sleep (translated): how \
            often it does the kernel counts, as the authors of Solaris report it",
    section: "4.1.1.3. Example: Solaris Pinned Threads",
    today: "rebuilt: counted for each CPU and level",
    functions: "interrupt_thread::InterruptThreads::stats()",
    control: "no handler blocks",
    next: "cat interrupt_threads/pools",
}

const INTERRUPTS: u64 = 30;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [cpu] = trial.cpus()?;
    let actor = Actor::new()?;
    let pools = threads(&[(4, &actor)], trial)?;
    let level = level(4)?;
    let mut blocked_at_once = 0;
    for number in 0..INTERRUPTS {
        let blocks = number % 3 == 0;
        actor.blocks.store(blocks && !trial.is_control(), Relaxed);
        smp::call_on(cpu, trial.task, |_off| pools.raise(level))??;
        if blocks {
            let is_blocked = || pools.levels(cpu).blocked != 0;
            let has_blocked = match trial.is_control() {
                true => Ok(()),
                false => trial.come("a handler that blocks", is_blocked),
            };
            blocked_at_once += u64::from(is_blocked());
            actor.let_go.complete();
            has_blocked?;
        }
        trial.come("the end of a handler", || actor.nr_ended() == number + 1)?;
        // The handler has ended a moment before its thread is back in the pool.
        trial.come("its thread", || pools.levels(cpu).mask().is_none())?;
    }
    let stats = pools.stats(cpu, level);
    let expected = INTERRUPTS.div_ceil(3);
    evidence.check(
        stats.runs == INTERRUPTS && stats.raised == INTERRUPTS,
        fmt!("{} interrupts, {} runs", stats.raised, stats.runs),
    )?;
    evidence.check(
        stats.blocks == expected && blocked_at_once == expected,
        fmt!(
            "{} blocked, of {expected} that were to; seen blocked {blocked_at_once} times",
            stats.blocks
        ),
    )?;
    evidence.check(
        stats.finished == stats.blocks,
        fmt!("{} ended in their thread", stats.finished),
    )?;
    evidence.holds()
}
