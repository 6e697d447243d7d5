// SPDX-License-Identifier: GPL-2.0

//! A tasklet never runs on two CPUs at a time; different ones do.
//!
//! All CPUs schedule the same tasklet, which waits for a while for another run to begin; then each
//! schedules one of two. In the control two tasklets pass for the one.

use crate::{
    claim::{
        hammer::hammer,
        log::{
            max_at_a_time,
            Log, //
        },
        prelude::*,
        skip, //
    },
    overlap::{
        Meeting,
        Overlap, //
    },
};
use irqlab::{
    cpu,
    tasklet::Tasklet, //
};
use kernel::sync::Arc;

claim! {
    quote: "Management of tasklets is such that a tasklet of the same kind cannot be run concurrently on two different cores",
    section: "Tasklets",
    today: "so for one tasklet_struct, by a bit that says that it runs; two tasklets with the same function are two",
    functions: "tasklet_trylock(), tasklet_unlock(), tasklet_action_common()",
    control: "two tasklets pass for one",
    next: "echo OLD-06 > claims; grep ^OLD-06 claims # what else may not run beside what",
}

const MIN_RUNS: u64 = 40;
const MAX_MS: u64 = 2000;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [_, _] = trial.cpus()?;
    let tasklet = |overlap: &Arc<Overlap>| {
        KBox::pin_init(Tasklet::new(Ok(Meeting(overlap.clone()))), GFP_KERNEL)
    };

    let one = Overlap::new()?;
    let same = [tasklet(&one)?, tasklet(&one)?];
    let log = Log::of([same[0].function(), 0])?.tasklets()?;
    let is_control = trial.is_control();
    let nr_used = trial.pick(1, same.len());
    let is_enough = || {
        let had_chances = one.nr_kept() > 0 && one.nr_cpus() > 1;
        one.max() > 1 || (!is_control && had_chances && one.runs() >= MIN_RUNS)
    };
    let nr_cpus = hammer(trial, cpu::online(), MAX_MS, &one, is_enough, |index| {
        same[index % nr_used].schedule();
    })?;
    if one.max() < 2 && (one.nr_kept() == 0 || one.nr_cpus() < 2) {
        skip!(Missed: "{nr_cpus} CPUs scheduled a tasklet, and none while it ran on another");
    }
    evidence.note(fmt!(
        "{nr_cpus} CPUs scheduled {}, {} times while it ran",
        trial.pick("one tasklet", "two tasklets as if they were one"),
        one.nr_kept()
    ))?;
    evidence.check(
        one.max() == 1,
        fmt!(
            "it ran {} times on {} CPUs, at most {} at a time",
            one.runs(),
            one.nr_cpus(),
            one.max()
        ),
    )?;
    let seen = max_at_a_time(&log.events()?, &same.each_ref().map(|one| one.id()));
    evidence.check(
        seen as u64 == one.max(),
        fmt!("by the kernel's tasklet_entry and tasklet_exit at most {seen}"),
    )?;
    drop(log);

    let two = Overlap::new()?;
    let others = [tasklet(&two)?, tasklet(&two)?];
    let log = Log::of([others[0].function(), 0])?.tasklets()?;
    // One CPU for each: whoever is inside when the other is scheduled is not that other itself.
    hammer(
        trial,
        cpu::online().take(others.len()),
        MAX_MS,
        &two,
        || two.is_known(),
        |index| {
            others[index % others.len()].schedule();
        },
    )?;
    if !two.is_known() {
        skip!(
            Missed: "two CPUs scheduled a tasklet each, {} times one while the other ran",
            two.nr_kept()
        );
    }
    let seen = max_at_a_time(&log.events()?, &others.each_ref().map(|one| one.id()));
    evidence.check(
        two.max() == 2 && seen == 2,
        fmt!(
            "two tasklets: at most {} at a time, by the kernel's events {seen}",
            two.max()
        ),
    )?;
    evidence.holds()
}
