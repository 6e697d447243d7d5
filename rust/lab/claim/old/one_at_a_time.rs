// SPDX-License-Identifier: GPL-2.0

//! Only one bottom half runs at a time, in the whole system, whatever its slot.
//!
//! Each CPU marks a slot of its own, whose routine waits for a while for another one to begin. In
//! the control every other CPU has its slot in a second set, with a lock of its own.

use crate::{
    claim::{
        hammer::hammer,
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
    old_bh::{
        BottomHalves,
        Slot,
        NR_SLOTS, //
    },
};
use kernel::sync::Arc;

claim! {
    quote: "To preserve backward compatibility with old kernels, only one bottom half handler will execute at a time.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "removed in Linux 2.5; rebuilt: all slots share one lock, and the one that finds it taken comes again",
    functions: "bh_action(), global_bh_lock of Linux 2.4; BottomHalves here",
    control: "two sets of slots pass for one",
    next: "echo OLD-06 > claims; grep ^OLD-06 claims # what else may not run beside what",
}

const MIN_RUNS: u64 = 100;
const MAX_MS: u64 = 2000;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [_, _] = trial.cpus()?;
    let overlap = Overlap::new()?;
    let sets = [BottomHalves::new()?, BottomHalves::new()?];
    let mut slots = KVec::new();
    for index in 0..cpu::online().take(NR_SLOTS as usize).count() {
        let set = &sets[trial.pick(0, index % sets.len())];
        let routine = Arc::new(Meeting(overlap.clone()), GFP_KERNEL)?;
        slots.push(set.init(index as u32, routine, trial.task)?, GFP_KERNEL)?;
    }
    let nr_remarks = || -> u64 {
        let remarks = |slot: &Slot| slot.state().nr_remarks;
        slots.iter().map(remarks).sum()
    };
    // Somebody has to have come while another one ran.
    let have_met = || nr_remarks() > 0 && overlap.nr_cpus() > 1;
    let is_enough = || overlap.max() > 1 || (have_met() && overlap.runs() >= MIN_RUNS);
    let cpus = cpu::online().take(slots.len());
    let nr_cpus = hammer(trial, cpus, MAX_MS, &overlap, is_enough, |index| {
        slots[index].mark()
    })?;
    if overlap.max() == 1 && !have_met() {
        skip!(
            Missed: "{} CPUs marked slots, and none while another one ran",
            nr_cpus
        );
    }
    evidence.note(fmt!("{nr_cpus} CPUs, each with a slot"))?;
    evidence.check(
        overlap.max() == 1,
        fmt!(
            "{} runs on {} CPUs, at most {} at a time",
            overlap.runs(),
            overlap.nr_cpus(),
            overlap.max()
        ),
    )?;
    evidence.note(fmt!(
        "{} times one found another running and marked itself again",
        nr_remarks()
    ))?;
    evidence.holds()
}
