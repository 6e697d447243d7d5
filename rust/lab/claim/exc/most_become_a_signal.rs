// SPDX-License-Identifier: GPL-2.0

//! Most exceptions become a signal for the process.
//!
//! It takes a process that raises them, which a module has not: `selftests/user_part EXC-12`, which the
//! claim watches.

use crate::{
    claim::{
        prelude::*,
        user_part, //
    },
    fixup::Setting,
};
use irqlab::{
    context::{
        Snapshot,
        Unsleeping, //
    },
    exception::Vector,
    fixup::{
        access,
        Paging, //
    },
    tracepoint::{
        Attached,
        Observer,
        PageFaultUser,
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
    quote: "Most of the exception are interpreted by Linux as errpr condittions. Whene one of them \
            occurs, the kernel sends a signal to the process that caused the eception. But is it not \
            alwais the case.",
    section: "Exception Handling",
    today: "the same; the signal is none of SIGKILL, which the introduction of the text names, and si_code \
            tells causes of the same signal apart",
    functions: "do_trap(), force_sig_fault(), do_user_addr_fault()",
    control: "raises exceptions in kernel mode, with a fixup",
    next: "/irqlab/user_exceptions | grep '^#'",
}

/// A signal, as x86 numbers them, of which vector it comes, and with which values of si_code: 128 says no
/// more than that it is the kernel's.
struct Kind {
    name: &'static str,
    signal: u32,
    vector: Vector,
    codes: &'static [i32],
}

const fn kind(name: &'static str, signal: u32, vector: Vector, codes: &'static [i32]) -> Kind {
    Kind {
        name,
        signal,
        vector,
        codes,
    }
}

const KINDS: [Kind; 7] = [
    kind("SIGILL", 4, Vector::UD, &[1, 2]),
    kind("SIGTRAP", 5, Vector::BP, &[128]),
    kind("SIGTRAP", 5, Vector::DB, &[1, 2, 4]),
    kind("SIGBUS", 7, Vector::PF, &[2]),
    kind("SIGFPE", 8, Vector::DE, &[1]),
    kind("SIGSEGV", 11, Vector::GP, &[128]),
    kind("SIGSEGV", 11, Vector::PF, &[1, 2, 4]),
];
const SIGKILL: u32 = 9;

/// What was sent because of exceptions.
struct Signals {
    /// Of this task only, or else of the program's.
    only: Option<i32>,
    seen: [Seen; KINDS.len()],
    kills: Atomic<u64>,
    page_faults: Atomic<u64>,
}

/// How often one kind was, and the last si_code.
struct Seen {
    count: Atomic<u64>,
    code: Atomic<i32>,
    nr_wrong_codes: Atomic<u64>,
}

impl Signals {
    fn new(only: Option<i32>) -> Self {
        Self {
            only,
            seen: [const {
                Seen {
                    count: Atomic::new(0),
                    code: Atomic::new(0),
                    nr_wrong_codes: Atomic::new(0),
                }
            }; KINDS.len()],
            kills: Atomic::new(0),
            page_faults: Atomic::new(0),
        }
    }

    /// Whether the current task is one to watch.
    fn is_watched(&self) -> bool {
        self.only
            .map_or_else(user_part::is_current, |pid| pid == Snapshot::take().pid)
    }

    fn nr_kinds(&self) -> usize {
        let is_seen = |seen: &&Seen| seen.count.load(Relaxed) > 0;
        self.seen.iter().filter(is_seen).count()
    }
}

impl Observer<SignalGenerate> for Signals {
    fn observe(&self, event: &SignalGenerate, _context: &Unsleeping) {
        let Some(vector) = event.exception else {
            return;
        };
        // It is for the current task, as it raised the exception.
        if !self.is_watched() {
            return;
        }
        if event.signal == SIGKILL {
            self.kills.add(1, Relaxed);
        }
        for (kind, seen) in KINDS.iter().zip(&self.seen) {
            if (kind.signal, kind.vector) == (event.signal, vector) {
                let is_wrong = !kind.codes.contains(&event.code);
                seen.nr_wrong_codes.add(u64::from(is_wrong), Relaxed);
                seen.code.store(event.code, Relaxed);
                seen.count.add(1, Relaxed);
            }
        }
    }
}

impl Observer<PageFaultUser> for Signals {
    fn observe(&self, _event: &PageFaultUser, _context: &Unsleeping) {
        if self.is_watched() {
            self.page_faults.add(1, Relaxed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_MS: u32 = 500;
    const KERNEL_FAULTS: usize = 100;

    let only = trial.is_control().then(|| current!().pid());
    let signals = Arc::new(Signals::new(only), GFP_KERNEL)?;
    let mut attached = Attached::new(signals.clone());
    attached.to::<PageFaultUser>()?;
    attached.to::<SignalGenerate>()?;
    if trial.is_control() {
        let island = Setting::new(trial.task)?.island;
        for _ in 0..KERNEL_FAULTS {
            let _ = access::load(&island.guard(0), Paging::Refused);
        }
    } else if !trial.eventually(PATIENCE_MS, || signals.nr_kinds() == KINDS.len()) {
        return Err(user_part::missing(
            "EXC-12",
            fmt!(
                "of {} kinds of exceptions a program raised {} in {PATIENCE_MS} ms",
                KINDS.len(),
                signals.nr_kinds()
            ),
        ));
    }
    drop(attached);

    for (kind, seen) in KINDS.iter().zip(&signals.seen) {
        let count = seen.count.load(Relaxed);
        evidence.check(
            count > 0 && seen.nr_wrong_codes.load(Relaxed) == 0,
            fmt!(
                "{}: {count} {}, si_code {}",
                kind.vector,
                kind.name,
                seen.code.load(Relaxed)
            ),
        )?;
    }
    let kills = signals.kills.load(Relaxed);
    evidence.check(kills == 0, fmt!("{kills} SIGKILL"))?;
    evidence.note(fmt!(
        "{} page faults in user mode",
        signals.page_faults.load(Relaxed)
    ))?;
    evidence.holds()
}
