// SPDX-License-Identifier: GPL-2.0

//! The handler stores vector and error code in the process.
//!
//! It takes a program that raises a page fault for which it gets a signal. What the process has noted is
//! read when the signal is sent, and compared with what the CPU said about that fault.

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
        SignalGenerate, //
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
    quote: "Most of these functions in the end call invoke do_trap() to store the hardware error code and the \
            exception vector in the process descriptor and then send a suitable signal.",
    section: "do_handler_name()",
    today: "the same, for exceptions of user mode: a signal's handler finds both in its context",
    functions: "do_trap(), set_signal_archinfo(), struct thread_struct",
    control: "looks before the handler has stored them",
    next: "/irqlab/user_exceptions | grep error",
}

/// What the program has in CX when it raises the page fault.
const MARK: u64 = 0x6972_716c_6162_0003;

struct Noted {
    looks_before: bool,
    /// The process whose fault it is, as long as no signal was sent for it.
    pid: Atomic<i32>,
    error_code: Atomic<u64>,
    vector: Atomic<u32>,
    noted_error_code: Atomic<u64>,
    nr_signals: Atomic<u64>,
}

impl Noted {
    fn note(&self, vector: Vector, error_code: u64) {
        self.vector.store(vector.0.into(), Relaxed);
        self.noted_error_code.store(error_code, Relaxed);
    }
}

impl Observer<PageFaultUser> for Noted {
    fn observe(&self, fault: &PageFaultUser, _context: &Unsleeping) {
        if fault.registers.cx != MARK || self.nr_signals.load(Relaxed) > 0 {
            return;
        }
        self.error_code.store(fault.error_code, Relaxed);
        if self.looks_before {
            let (vector, error_code) = fault.noted;
            self.note(vector, error_code);
        }
        self.pid.store(Snapshot::take().pid, Relaxed);
    }
}

impl Observer<SignalGenerate> for Noted {
    fn observe(&self, signal: &SignalGenerate, _context: &Unsleeping) {
        let Some(vector) = signal.exception else {
            return;
        };
        if signal.pid != self.pid.load(Relaxed) || self.nr_signals.load(Relaxed) > 0 {
            return;
        }
        if !self.looks_before {
            self.note(vector, signal.error_code);
        }
        self.nr_signals.fetch_add(1, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_MS: u32 = 500;

    let noted = Noted {
        looks_before: trial.pick(false, true),
        pid: Atomic::new(0),
        error_code: Atomic::new(0),
        vector: Atomic::new(0),
        noted_error_code: Atomic::new(0),
        nr_signals: Atomic::new(0),
    };
    let mut attached = Attached::new(Arc::new(noted, GFP_KERNEL)?);
    attached.to::<SignalGenerate>()?;
    attached.to::<PageFaultUser>()?;
    let noted = attached.observer();
    if !trial.eventually(PATIENCE_MS, || noted.nr_signals.load(Acquire) > 0) {
        return Err(user_part::missing(
            "EXC-27",
            fmt!("no program raised the page fault in {PATIENCE_MS} ms"),
        ));
    }
    let error_code = noted.error_code.load(Relaxed);
    let (vector, stored) = (
        Vector(noted.vector.load(Relaxed) as u8),
        noted.noted_error_code.load(Relaxed),
    );
    evidence.note(fmt!("#PF in user mode, with error code {error_code:#x}"))?;
    evidence.check(
        vector == Vector::PF && stored == error_code,
        fmt!(
            "{} the process had noted {vector} with error code {stored:#x}",
            trial.pick("when its signal was sent", "when its handler began")
        ),
    )?;
    evidence.holds()
}
