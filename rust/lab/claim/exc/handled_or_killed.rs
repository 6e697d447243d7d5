// SPDX-License-Identifier: GPL-2.0

//! A process that has a handler for the signal goes on; one that has none is killed.
//!
//! It takes programs that step through an instruction each (#DB, which becomes SIGTRAP): one with a
//! handler, again and again, and others without.

use crate::claim::{
    prelude::*,
    skip,
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
        SchedProcessExit,
        SignalDeliver,
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
    control: "expects those that have no handler to go on",
    next: "/irqlab/user_exceptions | grep child",
}

const SIGTRAP: u32 = 5;

/// What became of processes that got the signal: of one with a handler, and of one without.
struct Fates {
    /// By whether it has a handler, the process that got the signal last.
    pids: [Atomic<i32>; 2],
    /// How often each has raised the exception again.
    nr_went_on: [Atomic<u64>; 2],
    /// How often each was ended by the signal.
    nr_killed: [Atomic<u64>; 2],
}

impl Fates {
    /// Counts it for the process that runs, if it is one of them.
    fn count(&self, counts: &[Atomic<u64>; 2]) {
        let pid = Snapshot::take().pid;
        for (other, count) in self.pids.iter().zip(counts) {
            if other.load(Relaxed) == pid {
                count.add(1, Relaxed);
            }
        }
    }
}

impl Observer<SignalGenerate> for Fates {
    fn observe(&self, signal: &SignalGenerate, _context: &Unsleeping) {
        if signal.signal == SIGTRAP && signal.exception == Some(Vector::DB) {
            self.count(&self.nr_went_on);
        }
    }
}

impl Observer<SignalDeliver> for Fates {
    fn observe(&self, signal: &SignalDeliver, _context: &Unsleeping) {
        if signal.signal == SIGTRAP && user_part::is_current() {
            let place = usize::from(signal.has_handler);
            self.pids[place].store(Snapshot::take().pid, Relaxed);
        }
    }
}

impl Observer<SchedProcessExit> for Fates {
    fn observe(&self, exit: &SchedProcessExit, _context: &Unsleeping) {
        if exit.signal == SIGTRAP {
            self.count(&self.nr_killed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_MS: u32 = 1000;

    let fates = Fates {
        pids: [const { Atomic::new(0) }; 2],
        nr_went_on: [const { Atomic::new(0) }; 2],
        nr_killed: [const { Atomic::new(0) }; 2],
    };
    let mut attached = Attached::new(Arc::new(fates, GFP_KERNEL)?);
    attached.to::<SignalGenerate>()?;
    attached.to::<SchedProcessExit>()?;
    attached.to::<SignalDeliver>()?;
    let fates = attached.observer();
    let have_met = || {
        let mut fates = fates.nr_went_on.iter().zip(&fates.nr_killed);
        fates.all(|(went_on, killed)| went_on.load(Relaxed) + killed.load(Relaxed) > 0)
    };
    if !trial.eventually(PATIENCE_MS, have_met) {
        skip!(
            "no programs with and without a handler got SIGTRAP in {PATIENCE_MS} ms: run \
             './user_part EXC-28 &' and try again"
        );
    }
    let count =
        |counts: &[Atomic<u64>; 2], has_handler| counts[usize::from(has_handler)].load(Relaxed);
    let (nr_went_on, nr_killed) = (
        count(&fates.nr_went_on, trial.pick(true, false)),
        count(&fates.nr_killed, trial.pick(true, false)),
    );
    evidence.check(
        nr_went_on > 0 && nr_killed == 0,
        fmt!(
            "a process {} handler for SIGTRAP: raised it {nr_went_on} times more, ended by it {nr_killed} \
             times",
            trial.pick("with a", "without a")
        ),
    )?;
    let (nr_went_on, nr_killed) = (
        count(&fates.nr_went_on, false),
        count(&fates.nr_killed, false),
    );
    evidence.check(
        nr_went_on == 0 && nr_killed > 0,
        fmt!("processes without: raised it {nr_went_on} times more, ended by it {nr_killed} times"),
    )?;
    evidence.holds()
}
