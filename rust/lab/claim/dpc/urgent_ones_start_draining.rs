// SPDX-License-Identifier: GPL-2.0

//! When a queue is drained depends on the importance of the DPC, the depth of the queue and the
//! rate at which DPCs come; and a CPU that has nothing else to do drains it.
//!
//! No tick comes and no idle CPU looks while the rules for insertions are tried: so what has
//! not been started by one waits.

use super::probe::{
    probe,
    system,
    Journal,
    ONLY_INSERTIONS, //
};
use crate::claim::prelude::*;
use irqlab::{
    context::Unsleeping,
    cpu::{
        self,
        CpuId, //
    },
    dpc::{
        Arguments,
        Cause,
        Importance,
        Ordinary,
        Parameters,
        System, //
    },
    interrupt::local_interrupt_disable,
    tracepoint::{
        Attached,
        CpuIdle,
        Observer, //
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
    quote: "The decision when to execute a deferred procedure call depends on the importance of the call, the depth of the queue and the rate of the interrupts.",
    section: "4.1.1.2. Example: Windows Deferred Procedure Calls",
    today: "rebuilt: the same rules and figures, in rust/dpc/policy.rs",
    functions: "dpc::policy::Policy::insert(), KeInsertQueueDpc",
    control: "the importance is not set: all are Medium",
    next: "echo maximum_depth=1 > dpc/parameters; cat dpc/parameters; echo default > dpc/parameters",
}

/// Whose queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own,
    Others,
}

/// What is inserted, and whether the last one has the queue drained.
struct Case {
    whose: Whose,
    importance: Importance,
    /// Below how many DPCs a tick the rate is low; there were none yet.
    minimum_rate: u32,
    count: usize,
    starts: bool,
}

const fn case(
    whose: Whose,
    importance: Importance,
    minimum_rate: u32,
    count: usize,
    starts: bool,
) -> Case {
    Case {
        whose,
        importance,
        minimum_rate,
        count,
        starts,
    }
}

/// As many as make a queue long.
const MANY: usize = ONLY_INSERTIONS.maximum_depth as usize;

const CASES: [Case; 11] = [
    case(Whose::Own, Importance::Low, 0, 1, false),
    case(Whose::Own, Importance::Low, 0, MANY, true),
    case(Whose::Own, Importance::Low, 1, 1, true),
    case(Whose::Own, Importance::Medium, 0, 1, true),
    case(Whose::Own, Importance::High, 0, 1, true),
    case(Whose::Others, Importance::Low, 1, 1, false),
    case(Whose::Others, Importance::Low, 1, MANY, true),
    case(Whose::Others, Importance::Medium, 1, 1, false),
    case(Whose::Others, Importance::Medium, 1, MANY, true),
    case(Whose::Others, Importance::MediumHigh, 0, 1, true),
    case(Whose::Others, Importance::High, 0, 1, true),
];

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.cpus::<2>()?;
    let system = system(ONLY_INSERTIONS)?;
    for whose in [Whose::Own, Whose::Others] {
        let who = match whose {
            Whose::Own => "its own",
            Whose::Others => "another CPU's",
        };
        let mut nr_right = 0;
        let cases = || CASES.iter().filter(|case| case.whose == whose);
        for case in cases() {
            if attempt(trial, &system, case)? {
                nr_right += 1;
                continue;
            }
            let (does, n) = (
                if case.starts {
                    "did not start"
                } else {
                    "started"
                },
                case.count,
            );
            evidence.check(
                false,
                fmt!(
                    "{n} of {} importance in {who} queue {does}",
                    case.importance.name()
                ),
            )?;
        }
        evidence.check(
            nr_right == cases().count(),
            fmt!(
                "{nr_right} of {} rules for {who} queue are kept",
                cases().count()
            ),
        )?;
    }
    if !trial.is_control() {
        idle(trial, &system, evidence)?;
    }
    evidence.holds()
}

/// Inserts what a case says. Returns whether the queue was drained as it says.
fn attempt(trial: &Trial<'_>, system: &Arc<System>, case: &Case) -> Answer<bool> {
    system.set_parameters(Parameters {
        minimum_rate: case.minimum_rate,
        ..ONLY_INSERTIONS
    });
    let journal = Journal::new()?;
    let mut dpcs = KVec::new();
    for _ in 0..case.count {
        let dpc = probe::<Ordinary>(system, &journal, 'd')?;
        if !trial.is_control() {
            dpc.set_importance(case.importance);
        }
        dpcs.push(dpc, GFP_KERNEL)?;
    }
    // A CPU that still drains the queue for what was before needs no telling.
    trial.come("the end of what drained the queues", || {
        cpu::online().all(|cpu| {
            let queue = system.ordinary(cpu);
            !queue.is_active && !queue.is_requested
        })
    })?;
    let (cpu, before, after) = {
        let _off = local_interrupt_disable();
        let here = CpuId::current();
        let cpu = match case.whose {
            Whose::Own => here,
            Whose::Others => cpu::next_online(here).unwrap_or(here),
        };
        let requests = || {
            let nr = system.ordinary(cpu).nr_requests;
            nr[Cause::Local as usize] + nr[Cause::Remote as usize]
        };
        let before = requests();
        for dpc in &dpcs {
            if case.whose == Whose::Others {
                dpc.set_target(Some(cpu));
            }
            dpc.insert(Arguments::default());
        }
        (cpu, before, requests())
    };
    let is_requested = after > before;
    let is_right = if case.starts {
        if is_requested {
            trial.come("a DPC", || journal.len() == case.count)?;
        }
        is_requested
    } else {
        trial.settle();
        !is_requested && journal.len() == 0
    };
    // Those that wait run now, on their CPU.
    system.flush(trial.task)?;
    Ok(is_right && (journal.iter().all(|run| run.is_on(cpu)) || !cpu::is_online(cpu)))
}

/// Counts how often a CPU had nothing to do.
struct Pauses {
    cpu: CpuId,
    count: Atomic<u64>,
}

impl Observer<CpuIdle> for Pauses {
    fn observe(&self, event: &CpuIdle, _context: &Unsleeping) {
        if event.is_entry && CpuId::current() == self.cpu {
            self.count.add(1, Relaxed);
        }
    }
}

/// A DPC that waits is run as soon as its CPU has nothing else to do.
fn idle(trial: &Trial<'_>, system: &Arc<System>, evidence: &mut Evidence) -> Answer {
    let [_, cpu] = trial.cpus::<2>()?;
    let pauses = Pauses {
        cpu,
        count: Atomic::new(0),
    };
    let mut watch = Attached::new(Arc::new(pauses, GFP_KERNEL)?);
    watch.to::<CpuIdle>()?;
    let nr_pauses = || watch.observer().count.load(Relaxed);
    let journal = Journal::new()?;
    let dpc = probe::<Ordinary>(system, &journal, 'd')?;
    dpc.set_target(Some(cpu));
    dpc.set_importance(Importance::Low);
    system.set_parameters(Parameters {
        idle_drain: true,
        ..ONLY_INSERTIONS
    });
    dpc.insert(Arguments::default());
    // Behind it: a CPU that was idle before does not look.
    let since = nr_pauses();
    let has_run = trial.eventually(trial.patience_ms(), || journal.len() == 1);
    let nr_requests = system.ordinary(cpu).nr_requests[Cause::Idle as usize];
    if !has_run && nr_pauses() - since < 2 {
        return Ok(evidence.note(fmt!(
            "CPU {} was never idle, so that it could not be seen to drain its queue then",
            cpu.as_u32()
        ))?);
    }
    Ok(evidence.check(
        has_run && nr_requests == 1,
        fmt!(
            "a Low one waited until CPU {} was idle, which drained its queue {nr_requests} times",
            cpu.as_u32()
        ),
    )?)
}
