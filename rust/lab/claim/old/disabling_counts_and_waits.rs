// SPDX-License-Identifier: GPL-2.0

//! Disabling counts: what was disabled twice has to be enabled twice. And it waits for the routine
//! if that runs on another CPU, so that whoever disabled it is alone.
//!
//! In the control it is enabled as often as it was disabled before it is marked.

use crate::{
    claim::{
        prelude::*,
        skip,
        together::together, //
    },
    runs::Runs, //
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        SoftIrq, //
    },
    cpu,
    old_bh::{
        BottomHalves,
        Routine, //
    },
    softirq::{
        self,
        Vector, //
    },
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
    quote: "These use a mask count to correctly handle nested disable/enable calls",
    section: "include/asm-i386/softirq.h of Linux 2.2, on disable_bh() and enable_bh()",
    today: "removed in Linux 2.4; rebuilt with the counter and the waiting of tasklet_disable()",
    functions: "disable_bh(), enable_bh(), synchronize_bh() of Linux 2.2; Slot::disable() here, tasklet_disable()",
    control: "it is enabled as often as it was disabled before it is marked",
    next: "for what in init disable mark; do echo $what 20 > old_bh/slots; done; grep ^20 old_bh/slots; \
           for what in enable remove; do echo $what 20 > old_bh/slots; done",
}

/// How long the routine waits for the other CPU, and goes on after that one is about to disable it.
const PATIENCE_NS: u64 = 1_000_000_000;
const MORE_NS: u64 = 3_000_000;

/// A routine that is about to end when it is disabled.
struct Lingers {
    is_inside: Atomic<bool>,
    is_asked: Atomic<bool>,
}

impl Routine for Lingers {
    fn run(&self, _softirq: &SoftIrq) {
        self.is_inside.store(true, Release);
        clock::spin_until(PATIENCE_NS, || self.is_asked.load(Acquire));
        clock::spin_ns(MORE_NS);
        self.is_inside.store(false, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [one, other] = trial.cpus()?;
    let set = BottomHalves::new()?;

    let runs = Arc::new(Runs::new(), GFP_KERNEL)?;
    let slot = Arc::new(set.init(0, runs.clone(), trial.task)?, GFP_KERNEL)?;
    let mut disabled = Some((slot.disable(trial.task), slot.disable(trial.task)));
    if trial.is_control() {
        disabled = None;
    }
    let cpu = together(trial, |cpu| {
        slot.mark();
        cpu
    });
    // By /proc/softirqs: its soft IRQ finds it, cannot run it, and comes again.
    let had_turns = || -> Answer {
        let before = softirq::count(Vector::Hi, cpu);
        let nr_since = || softirq::count(Vector::Hi, cpu).wrapping_sub(before);
        trial.come("the turn of a bottom half", || {
            nr_since() >= 2 || runs.count() > 0
        })
    };
    had_turns()?;
    let (twice, is_kept) = (runs.count(), slot.state().is_marked);
    let mut once = 0;
    if let Some((first, second)) = disabled {
        drop(second);
        had_turns()?;
        once = runs.count();
        drop(first);
    }
    trial.come("a bottom half", || runs.count() > 0)?;
    evidence.check(
        twice == 0 && once == 0 && is_kept && runs.count() == 1,
        fmt!(
            "disabled twice and marked, it had its turn and ran {twice} times; enabled once: {once}; twice: {}",
            runs.count()
        ),
    )?;

    let lingers = Lingers {
        is_inside: Atomic::new(false),
        is_asked: Atomic::new(false),
    };
    let lingers = Arc::new(lingers, GFP_KERNEL)?;
    let slot = Arc::new(set.init(1, lingers.clone(), trial.task)?, GFP_KERNEL)?;
    let (was_inside, is_alone) = (Atomic::new(false), Atomic::new(false));
    cpu::run_on(
        &trial.lab().workers,
        [one, other].into_iter(),
        trial.task,
        |here| {
            if here.cpu == one {
                let _guard = BottomHalvesDisabled::new(here.task);
                slot.mark();
            } else if clock::spin_until(PATIENCE_NS, || lingers.is_inside.load(Acquire)) {
                lingers.is_asked.store(true, Release);
                was_inside.store(lingers.is_inside.load(Acquire), Relaxed);
                let _disabled = slot.disable(here.task);
                is_alone.store(!lingers.is_inside.load(Acquire), Relaxed);
            }
        },
    )?;
    if !was_inside.load(Relaxed) {
        skip!(
            Missed: "CPU {} did not come to disable it while it ran on CPU {}",
            other.as_u32(),
            one.as_u32()
        );
    }
    evidence.check(
        is_alone.load(Relaxed),
        fmt!(
            "disabled on CPU {} while it ran on CPU {}: it had ended when that was done",
            other.as_u32(),
            one.as_u32()
        ),
    )?;
    evidence.holds()
}
