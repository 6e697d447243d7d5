// SPDX-License-Identifier: GPL-2.0

//! While a handler is blocked its level and those below stay masked on its CPU.
//!
//! Otherwise an interrupt of the same level would find no thread in the pool. What comes meanwhile
//! waits, and is served when the handler has ended: the highest level first.

use super::actor::{
    level,
    threads,
    Actor, //
};
use crate::claim::prelude::*;
use irqlab::smp;
use kernel::sync::atomic::Relaxed;

claim! {
    quote: "if the interrupt thread called a function that has to put it to sleep, the system \
            converts it automatically to a kernel thread (translated); its level stays masked, as \
            the authors of Solaris say in \"Interrupts as Threads\"",
    section: "4.1.1.3. Example: Solaris Pinned Threads",
    today: "rebuilt: the levels of a CPU are one word, and the mask is the highest that is active or \
            blocked",
    functions: "interrupt_thread::Levels::mask()",
    control: "the handler ends instead of blocking",
    next: "cat interrupt_threads/pools",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [cpu] = trial.cpus()?;
    let (low, middle, high) = (Actor::new()?, Actor::new()?, Actor::new()?);
    middle.blocks.store(!trial.is_control(), Relaxed);
    let pools = threads(&[(3, &low), (5, &middle), (7, &high)], trial)?;
    let raise = |number: u8| -> Answer {
        let level = level(number)?;
        smp::call_on(cpu, trial.task, |_off| pools.raise(level))??;
        Ok(())
    };
    raise(5)?;
    trial.come("the interrupt", || middle.nr_begun() == 1)?;
    if !trial.is_control() {
        trial.come("a handler that blocks", || pools.levels(cpu).blocked != 0)?;
    }
    let is_blocked = pools.levels(cpu).blocked != 0;
    for number in [3, 5, 7] {
        raise(number)?;
    }
    let high_came = trial.come("level 7", || high.nr_ended() == 1);
    trial.settle();
    let meanwhile = (low.nr_begun(), middle.nr_begun());
    middle.blocks.store(false, Relaxed);
    middle.let_go.complete();
    high_came?;
    trial.come("what waited", || {
        low.nr_ended() == 1 && middle.nr_ended() == 2
    })?;
    let order = match (low.begun(), middle.begun()) {
        (Some(low), Some(middle)) => middle.stamp_ns <= low.stamp_ns,
        _ => false,
    };
    evidence.check(
        is_blocked,
        fmt!(
            "the handler of level 5 {} on CPU {}",
            if is_blocked { "blocked" } else { "ended" },
            cpu.as_u32()
        ),
    )?;
    evidence.check(
        meanwhile == (0, 1),
        fmt!(
            "level 3 raised: began {} times; level 5 again: {}",
            meanwhile.0,
            meanwhile.1 - 1
        ),
    )?;
    evidence.note(fmt!("level 7: began {} times", high.nr_begun()))?;
    evidence.check(
        order,
        fmt!("afterwards they began, level 5 and then level 3, once each"),
    )?;
    evidence.holds()
}
