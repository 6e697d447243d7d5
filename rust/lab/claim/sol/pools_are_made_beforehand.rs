// SPDX-License-Identifier: GPL-2.0

//! A pool for each CPU, made beforehand: one thread for each level.
//!
//! Every level of every CPU blocks at the same time, the lowest first, so that all threads of
//! all pools are in use; and once more. The second round has to find the same threads.

use super::actor::{
    level,
    threads,
    Actor, //
};
use crate::claim::prelude::*;
use irqlab::{
    cpu::{
        self,
        CpuId, //
    },
    interrupt_thread::{
        InterruptThreads,
        LOCK_LEVEL, //
    },
    smp,
};
use kernel::sync::{
    atomic::Relaxed,
    Arc, //
};

claim! {
    quote: "since the initialisation of a thread at an interrupt would take long, interrupt threads \
            are used (translated)",
    section: "4.1.1.3. Example: Solaris Pinned Threads",
    today: "rebuilt: a kernel thread for each CPU and level, and the place for its handler's state",
    functions: "interrupt_thread::InterruptThreads::new()",
    control: "the pools are made anew between the two rounds",
    next: "echo 1 > interrupt_threads/on; ps | grep intr_; echo 0 > interrupt_threads/on",
}

/// The threads of one round: of each CPU and level, its id.
type Pids = KVec<i32>;

fn round(
    trial: &Trial<'_>,
    pools: &InterruptThreads,
    actors: &[Arc<Actor>],
    evidence: &mut Evidence,
) -> Answer<Pids> {
    let mut pids = Pids::new();
    let mut are_right = true;
    for cpu in cpu::online() {
        for (index, actor) in actors.iter().enumerate() {
            let level = level(index as u8 + 1)?;
            let before = actor.nr_begun();
            smp::call_on(cpu, trial.task, |_off| pools.raise(level))??;
            trial.come("a handler that blocks", || {
                actor.nr_begun() > before && pools.levels(cpu).blocked >> level.number() & 1 == 1
            })?;
        }
        // The highest first, as the interrupts of a level may only come when it ends.
        for (index, actor) in actors.iter().enumerate().rev() {
            let before = actor.nr_ended();
            actor.let_go.complete();
            trial.come("the end of a handler", || actor.nr_ended() > before)?;
            let Some(end) = actor.ended() else {
                continue;
            };
            are_right &= is_of_pool(end.comm(), index as u8 + 1, cpu);
            pids.push(end.pid, GFP_KERNEL)?;
        }
    }
    evidence.check(
        are_right,
        fmt!(
            "{} blocked handlers went on in threads of their own",
            pids.len()
        ),
    )?;
    Ok(pids)
}

/// Whether a name is `intr_<level>/<cpu>`. The kernel keeps the first 15 characters.
fn is_of_pool(name: &str, level: u8, cpu: CpuId) -> bool {
    let mut parts = name.trim_start_matches("intr_").split('/');
    let is =
        |part: Option<&str>, number| part.and_then(|part| part.parse::<u32>().ok()) == Some(number);
    is(parts.next(), u32::from(level)) && is(parts.next(), cpu.as_u32())
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let mut actors = KVec::new();
    for _ in 0..LOCK_LEVEL {
        actors.push(Actor::blocking(true)?, GFP_KERNEL)?;
    }
    let make = || -> Result<InterruptThreads> {
        let mut pairs = KVec::new();
        for (index, actor) in actors.iter().enumerate() {
            pairs.push((index as u8 + 1, actor), GFP_KERNEL)?;
        }
        threads(&pairs, trial)
    };
    let mut pools = make()?;
    let nr_cpus = cpu::online().count();
    let first = round(trial, &pools, &actors, evidence)?;
    if trial.is_control() {
        drop(pools);
        pools = make()?;
    }
    let second = round(trial, &pools, &actors, evidence)?;
    let is_distinct = |pids: &Pids| {
        pids.iter()
            .enumerate()
            .all(|(index, pid)| !pids[..index].contains(pid))
    };
    evidence.check(
        first.len() == nr_cpus * usize::from(LOCK_LEVEL) && is_distinct(&first),
        fmt!("{} CPUs: {} different threads", nr_cpus, first.len()),
    )?;
    evidence.check(
        first[..] == second[..],
        fmt!("the second time the same ones"),
    )?;
    for actor in &actors {
        actor.blocks.store(false, Relaxed);
    }
    evidence.holds()
}
