// SPDX-License-Identifier: GPL-2.0

//! Marking an empty slot does nothing: its turn comes, and there is no routine.
//!
//! In the control there is one.

use crate::{
    claim::prelude::*,
    runs::Runs, //
};
use irqlab::{
    cpu,
    old_bh::BottomHalves,
    softirq::{
        self,
        Vector, //
    },
};
use kernel::sync::Arc;

claim! {
    quote: "bottom half handlers are implemented using tasklets",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "removed in Linux 2.5; rebuilt: a mark schedules the slot's tasklet, which looks whether there is a routine",
    functions: "bh_action(), bh_base[] of Linux 2.4; BottomHalves::mark() here",
    control: "the slot has a routine",
    next: "echo mark 21 > old_bh/slots; grep ^21 old_bh/slots",
}

const EMPTY: u32 = 7;
const FULL: u32 = 8;

/// How often the soft IRQ of tasklets of high priority ran, on all CPUs.
fn served() -> u64 {
    cpu::online()
        .map(|cpu| softirq::count(Vector::Hi, cpu))
        .sum()
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let set = BottomHalves::new()?;
    let full = Arc::new(Runs::new(), GFP_KERNEL)?;
    let _full = set.init(FULL, full.clone(), trial.task)?;
    let empty = Arc::new(Runs::new(), GFP_KERNEL)?;
    let _not_empty = if trial.is_control() {
        Some(set.init(EMPTY, empty.clone(), trial.task)?)
    } else {
        None
    };

    let before = served();
    set.mark(EMPTY)?;
    set.mark(FULL)?;
    let had_turns = || {
        [EMPTY, FULL]
            .iter()
            .all(|slot| set.state(*slot).is_ok_and(|state| !state.is_marked))
    };
    trial.come("a bottom half", || had_turns() && full.count() > 0)?;
    let served = served().wrapping_sub(before);
    let state = set.state(EMPTY)?;

    evidence.check(served > 0, fmt!("runs of the soft IRQ: {served}"))?;
    evidence.check(
        state.nr_empty == 1 && state.nr_runs == 0 && empty.count() == 0,
        fmt!(
            "slot {EMPTY}, empty: {} turns, {} runs",
            state.nr_empty + state.nr_runs,
            empty.count()
        ),
    )?;
    evidence.check(
        full.count() == 1,
        fmt!("slot {FULL}, marked after it: {} runs", full.count()),
    )?;
    evidence.holds()
}
