// SPDX-License-Identifier: GPL-2.0

//! A DPC is off its queue before it runs: it may queue itself, and run on another CPU at the
//! same time. A tasklet never does that.

use super::probe::{
    system,
    ONLY_INSERTIONS, //
};
use crate::{
    claim::prelude::*,
    overlap::Overlap, //
};
use irqlab::{
    context::SoftIrq,
    cpu::{
        self,
        CpuId, //
    },
    dpc::{
        Arguments,
        Dpc,
        Handler,
        Importance,
        Ordinary, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "Note that a particular DPC object and the function that it represents can each be queued for execution only once at any particular time.",
    section: "Windows driver documentation, KeInsertQueueDpc",
    today: "rebuilt: queued, not running, is what counts; a tasklet has a flag for either",
    functions: "dpc::Dpc::insert(), dpc::Handler::run(); tasklet_trylock()",
    control: "it queues itself for the CPU that it runs on",
    next: "echo TASK-02 > claims; grep ^TASK-02 claims # with tasklets it is the opposite",
}

/// How long a run waits for the other one.
const PATIENCE_NS: u64 = 20_000_000;
/// How often it runs, all in all.
const COUNT: u64 = 6;

/// Queues itself, and waits until it runs elsewhere too.
struct Twice {
    overlap: Arc<Overlap>,
    nr_queued: Atomic<u64>,
    nr_found_queued: Atomic<u64>,
    goes_elsewhere: bool,
}

impl Handler for Twice {
    type Kind = Ordinary;

    fn run(this: &Dpc<Self>, arguments: Arguments, _softirq: &SoftIrq) {
        this.nr_found_queued
            .add(u64::from(this.is_queued()), Relaxed);
        let next = arguments.0 + 1;
        if (next as u64) < COUNT {
            let here = CpuId::current();
            if this.goes_elsewhere {
                this.set_target(cpu::next_online(here));
            }
            let is_queued = this.insert(Arguments(next, 0));
            this.nr_queued.add(u64::from(is_queued), Relaxed);
        }
        this.overlap.meet(PATIENCE_NS);
    }
}

/// What came of all runs.
struct Seen {
    overlap: Arc<Overlap>,
    nr_queued: u64,
    nr_found_queued: u64,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    /// Each run but the last waits for the next. A CPU may be elsewhere for so long, but not every time.
    const TRIES: u32 = 4;

    trial.cpus::<2>()?;
    let mut seen = try_it(trial)?;
    for _ in 1..trial.pick(TRIES, 1) {
        if seen.overlap.max() > 1 {
            break;
        }
        seen = try_it(trial)?;
    }
    let (runs, queued) = (seen.overlap.runs(), seen.nr_queued);
    evidence.check(
        queued == COUNT - 1 && runs == COUNT,
        fmt!("it queued itself {queued} times while it ran, and ran {runs} times"),
    )?;
    let found = seen.nr_found_queued;
    evidence.check(
        found == 0,
        fmt!("it was queued {found} times when it began"),
    )?;
    evidence.check(
        seen.overlap.max() > 1,
        fmt!(
            "{} CPUs ran it, at most {} at a time",
            seen.overlap.nr_cpus(),
            seen.overlap.max()
        ),
    )?;
    evidence.holds()
}

fn try_it(trial: &Trial<'_>) -> Answer<Seen> {
    let system = system(ONLY_INSERTIONS)?;
    let overlap = Overlap::new()?;
    let twice = Twice {
        overlap: overlap.clone(),
        nr_queued: Atomic::new(0),
        nr_found_queued: Atomic::new(0),
        goes_elsewhere: !trial.is_control(),
    };
    let dpc = KBox::pin_init(Dpc::new(&system, Ok(twice)), GFP_KERNEL)?;
    dpc.set_importance(Importance::High);
    dpc.insert(Arguments(0, 0));
    trial.come("a DPC that queues itself", || overlap.runs() == COUNT)?;
    Ok(Seen {
        nr_queued: dpc.nr_queued.load(Relaxed),
        nr_found_queued: dpc.nr_found_queued.load(Relaxed),
        overlap,
    })
}
