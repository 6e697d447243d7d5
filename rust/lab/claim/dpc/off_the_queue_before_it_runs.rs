// SPDX-License-Identifier: GPL-2.0

//! A DPC is off its queue before it runs: it may queue itself, and run on another CPU at the
//! same time. A tasklet never does that.

use super::probe::{
    system,
    ONLY_INSERTIONS, //
};
use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    overlap::Overlap,
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

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.cpus::<2>()?;
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
    if !trial.eventually(5000, || overlap.runs() == COUNT) && !trial.is_control() {
        skip!(
            "the machine is too busy: it ran {} of {COUNT} times",
            overlap.runs()
        );
    }

    let (runs, queued) = (overlap.runs(), dpc.nr_queued.load(Relaxed));
    evidence.check(
        queued == COUNT - 1 && runs == COUNT,
        fmt!("it queued itself {queued} times while it ran, and ran {runs} times"),
    )?;
    let found = dpc.nr_found_queued.load(Relaxed);
    evidence.check(
        found == 0,
        fmt!("it was queued {found} times when it began"),
    )?;
    evidence.check(
        overlap.max() > 1,
        fmt!(
            "{} CPUs ran it, at most {} at a time",
            overlap.nr_cpus(),
            overlap.max()
        ),
    )?;
    evidence.holds()
}
