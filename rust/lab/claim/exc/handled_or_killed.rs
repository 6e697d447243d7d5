// SPDX-License-Identifier: GPL-2.0

//! A process that has a handler for the signal goes on; one that has none is killed.
//!
//! It takes programs that read beyond the end of a file (#PF, which becomes SIGBUS): one with a handler,
//! again and again, and others without. They tell by CX which they are. In the control the one has a handler
//! that it takes away before it reads.

use crate::claim::{
    prelude::*,
    user_part, //
};
use irqlab::{
    context::{
        Snapshot,
        Unsleeping, //
    },
    exception::Vector,
    tracepoint::{
        Attached,
        Observer,
        PageFaultUser,
        SchedProcessExit,
        SignalGenerate, //
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
    quote: "The signal is handled in user mode, if the programmer defined a signal handler, otherwise in \
            Kernel Mode and the kernel usually kills the process.",
    section: "do_handler_name()",
    today: "the same",
    functions: "get_signal(), handle_signal(), do_group_exit()",
    control: "the process takes its handler away before it raises the exception",
    next: "/irqlab/user_exceptions | grep child",
}

const SIGBUS: u32 = 7;

/// What the processes have in CX: one with a handler, one that takes it away before, one without.
const KEEPS_IT: u64 = 0x6972_716c_6162_0009;
const TAKES_IT_AWAY: u64 = 0x6972_716c_6162_000a;
const HAS_NONE: u64 = 0x6972_716c_6162_000b;

/// What became of the processes of one kind.
struct Fate {
    mark: u64,
    /// The one whose page fault is being handled, until it gets its signal.
    faulting: Atomic<i32>,
    /// The last one that got it.
    pid: Atomic<i32>,
    /// How often one has raised the exception again.
    nr_went_on: Atomic<u64>,
    /// How many were ended by the signal.
    nr_killed: Atomic<u64>,
}

impl Fate {
    const fn of(mark: u64) -> Self {
        Self {
            mark,
            faulting: Atomic::new(0),
            pid: Atomic::new(0),
            nr_went_on: Atomic::new(0),
            nr_killed: Atomic::new(0),
        }
    }

    fn counts(&self) -> (u64, u64) {
        (self.nr_went_on.load(Relaxed), self.nr_killed.load(Relaxed))
    }
}

/// Of the processes that are said to go on, and of those that have no handler.
struct Fates([Fate; 2]);

impl Observer<PageFaultUser> for Fates {
    fn observe(&self, fault: &PageFaultUser, _context: &Unsleeping) {
        if !user_part::is_current() {
            return;
        }
        for fate in &self.0 {
            if fault.registers.cx == fate.mark {
                fate.faulting.store(Snapshot::take().pid, Relaxed);
            }
        }
    }
}

impl Observer<SignalGenerate> for Fates {
    fn observe(&self, signal: &SignalGenerate, _context: &Unsleeping) {
        if signal.signal != SIGBUS || signal.exception != Some(Vector::PF) {
            return;
        }
        for fate in &self.0 {
            if signal.pid == fate.faulting.load(Relaxed) {
                fate.faulting.store(0, Relaxed);
                if fate.pid.xchg(signal.pid, Relaxed) == signal.pid {
                    fate.nr_went_on.add(1, Relaxed);
                }
            }
        }
    }
}

impl Observer<SchedProcessExit> for Fates {
    fn observe(&self, exit: &SchedProcessExit, _context: &Unsleeping) {
        if exit.signal != SIGBUS {
            return;
        }
        let pid = Snapshot::take().pid;
        for fate in self.0.iter().filter(|fate| fate.pid.load(Relaxed) == pid) {
            fate.nr_killed.add(1, Relaxed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_MS: u32 = 1000;

    let fates = Fates([
        Fate::of(trial.pick(KEEPS_IT, TAKES_IT_AWAY)),
        Fate::of(HAS_NONE),
    ]);
    let mut attached = Attached::new(Arc::new(fates, GFP_KERNEL)?);
    attached.to::<SchedProcessExit>()?;
    attached.to::<SignalGenerate>()?;
    attached.to::<PageFaultUser>()?;
    let Fates(fates) = &**attached.observer();
    let have_met = || fates.iter().all(|fate| fate.counts() != (0, 0));
    if !trial.eventually(PATIENCE_MS, have_met) {
        return Err(user_part::missing(
            "EXC-28",
            fmt!("no programs with and without a handler got SIGBUS in {PATIENCE_MS} ms"),
        ));
    }
    let (nr_went_on, nr_killed) = fates[0].counts();
    evidence.check(
        nr_went_on > 0 && nr_killed == 0,
        fmt!(
            "a process with a handler for SIGBUS{}: raised it {nr_went_on} times more, ended by it {nr_killed} times",
            trial.pick("", ", which it took away")
        ),
    )?;
    let (nr_went_on, nr_killed) = fates[1].counts();
    evidence.check(
        nr_went_on == 0 && nr_killed > 0,
        fmt!("processes without: raised it {nr_went_on} times more, ended by it {nr_killed} times"),
    )?;
    evidence.holds()
}
