// SPDX-License-Identifier: GPL-2.0

//! A higher level interrupts a lower one; each level's time is counted without what nested.
//!
//! The handler of level 3 holds its CPU until a handler of level 6 has ended there, which another
//! CPU raises. That is possible only if it runs on top.

use super::actor::{
    level,
    on_cpu,
    spin_until,
    Actor, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    interrupt_thread::{
        Handler,
        Handlers,
        InterruptThreads,
        Run, //
    },
    smp,
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
    quote: "at an interrupt the active thread is marked as a pinned thread (translated), and the \
            active thread may be an interrupt thread of a lower level",
    section: "4.1.1.3. Example: Solaris Pinned Threads",
    today: "rebuilt: handlers run with interrupts on, and a higher level's interrupt is served on top",
    functions: "interrupt_thread::Levels::begin(), handle_softirqs()",
    control: "the second interrupt is of a lower level",
    next: "echo on > nesting; echo SOL-06 > claims; cat nesting; echo off > nesting",
}

/// How long the upper handler takes.
const UPPER_NS: u64 = 2_000_000;

/// The handler on top: takes a while.
struct Upper {
    actor: Arc<Actor>,
    lower: Arc<Actor>,
    /// Whether the lower one had begun, and not ended.
    is_on_top: Atomic<bool>,
    ns: Atomic<u64>,
}

impl Handler for Upper {
    async fn serve(this: Arc<Self>, run: Run) {
        let start_ns = clock::now_ns();
        let is_on_top = this.lower.nr_begun() == 1 && this.lower.nr_ended() == 0;
        this.is_on_top.store(is_on_top, Relaxed);
        clock::spin_ns(UPPER_NS);
        this.ns
            .store(clock::now_ns().wrapping_sub(start_ns), Relaxed);
        Actor::serve(this.actor.clone(), run).await;
        this.lower.holds.store(false, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [sender, cpu] = trial.cpus()?;
    let upper_number = trial.pick(6, 2);
    let (lower_level, upper_level) = (level(3)?, level(upper_number)?);
    let lower = Actor::new()?;
    lower.holds.store(true, Relaxed);
    let upper = Upper {
        actor: Actor::new()?,
        lower: lower.clone(),
        is_on_top: Atomic::new(false),
        ns: Atomic::new(0),
    };
    let upper = Arc::new(upper, GFP_KERNEL)?;
    let handlers = Handlers::new()
        .thread(lower_level, lower.clone())?
        .thread(upper_level, upper.clone())?;
    let pools = InterruptThreads::new(handlers, trial.task)?;
    let (whole_ns, was_in_time) = (Atomic::new(0u64), Atomic::new(false));
    on_cpu(trial, sender, |here| {
        let start_ns = clock::now_ns();
        let raise = |level| {
            let raised = smp::call_on(cpu, here.task, |_off| pools.raise(level));
            matches!(raised, Ok(Ok(_)))
        };
        if raise(lower_level)
            && spin_until(|| lower.nr_begun() == 1)
            && raise(upper_level)
            && {
                was_in_time.store(lower.nr_ended() == 0, Relaxed);
                true
            }
            && spin_until(|| lower.nr_ended() == 1 && upper.actor.nr_ended() == 1)
        {
            whole_ns.store(clock::now_ns().wrapping_sub(start_ns), Release);
        }
    })?;
    let whole_ns = whole_ns.load(Acquire);
    let (Some(below), Some(above)) = (lower.begun(), upper.actor.begun()) else {
        skip!(Missed: "the interrupts did not come in time");
    };
    if whole_ns == 0 {
        skip!(Missed: "the handlers did not end in time");
    }
    // It was on top, or could have been.
    if !was_in_time.load(Relaxed) && !upper.is_on_top.load(Relaxed) {
        skip!(Missed: "the lower handler had ended before the other interrupt was raised");
    }
    let lower_ns = pools.stats(cpu, lower_level).ns;
    let upper_ns = pools.stats(cpu, upper_level).ns;
    evidence.check(
        upper.is_on_top.load(Relaxed),
        fmt!(
            "level 3 was being served on CPU {} when level {upper_number} began there",
            cpu.as_u32()
        ),
    )?;
    evidence.check(
        below.pid == above.pid && below.cpu == above.cpu,
        fmt!("both above '{}'", below.comm()),
    )?;
    trial.judge_by_clock();
    let spent_ns = upper.ns.load(Relaxed);
    evidence.check(
        upper_ns >= spent_ns && lower_ns + upper_ns <= whole_ns,
        fmt!("level {upper_number} took {upper_ns} ns, level 3 {lower_ns}, and all together {whole_ns}"),
    )?;
    evidence.holds()
}
