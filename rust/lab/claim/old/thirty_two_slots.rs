// SPDX-License-Identifier: GPL-2.0

//! There are 32 slots, each for one routine; a mark is a bit, and no counter.
//!
//! All are marked several times before one can run: with interrupts off, as on PREEMPT_RT another
//! task may serve the soft IRQ while bottom halves are disabled. In the control each may run after
//! each mark.

use crate::{
    claim::prelude::*,
    runs::Runs, //
};
use irqlab::{
    error::EBADE,
    interrupt::local_interrupt_disable,
    old_bh::{
        BottomHalves,
        Slot,
        NR_SLOTS, //
    },
};
use kernel::sync::Arc;

claim! {
    quote: "bottom half handlers are implemented using tasklets",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "removed in Linux 2.5; rebuilt on tasklets, as Linux 2.4 had them: a table of 32 routines, and a \
            tasklet of high priority for each",
    functions: "init_bh(), mark_bh() and remove_bh() of Linux 2.4; BottomHalves::init(), Slot::mark() here",
    control: "each may run after each mark",
    next: "echo init 20 > old_bh/slots; echo mark 20 count=5 > old_bh/slots; grep ^20 old_bh/slots; echo \
           remove 20 > old_bh/slots",
}

const MARKS: u64 = 5;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let set = BottomHalves::new()?;
    let mut slots = KVec::new();
    let runs = Arc::new(Runs::new(), GFP_KERNEL)?;
    for number in 0..NR_SLOTS {
        slots.push(set.init(number, runs.clone(), trial.task)?, GFP_KERNEL)?;
    }
    let refused = |number| match set.init(number, runs.clone(), trial.task) {
        Err(error) => Ok(error),
        Ok(_) => Err(EBADE),
    };
    let (taken, absent) = (refused(0)?, refused(NR_SLOTS)?);
    evidence.check(
        taken == EBUSY && absent == ERANGE,
        fmt!("{} slots taken; slot 0 again is refused with {taken:?}, slot {NR_SLOTS} with {absent:?}", slots.len()),
    )?;

    let is_at_rest = || slots.iter().all(|slot| !slot.state().is_marked);
    let mark_all = || slots.iter().for_each(Slot::mark);
    if trial.is_control() {
        for _ in 0..MARKS {
            mark_all();
            trial.come("a bottom half", is_at_rest)?;
        }
    } else {
        let _none_runs = local_interrupt_disable();
        for _ in 0..MARKS {
            mark_all();
        }
    }
    trial.come("a bottom half", is_at_rest)?;
    let nr_once = slots
        .iter()
        .filter(|slot| slot.state().nr_runs == 1)
        .count();
    evidence.check(
        nr_once == slots.len() && runs.count() == u64::from(NR_SLOTS),
        fmt!(
            "each marked {MARKS} times: {nr_once} ran once, {} runs in all",
            runs.count()
        ),
    )?;

    drop(slots);
    let before = runs.count();
    for number in 0..NR_SLOTS {
        set.mark(number)?;
    }
    let nr_empty = || -> u64 {
        (0..NR_SLOTS)
            .map(|number| set.state(number).map_or(0, |state| state.nr_empty))
            .sum()
    };
    trial.come("the turn of an empty slot", || {
        nr_empty() == u64::from(NR_SLOTS)
    })?;
    evidence.check(
        runs.count() == before,
        fmt!("removed and marked: {} runs", runs.count() - before),
    )?;
    evidence.holds()
}
