// SPDX-License-Identifier: GPL-2.0

//! Most exceptions become a signal for the process.
//!
//! It takes a process that raises them, which a module has not: the claim watches whatever
//! processes raise meanwhile. `selftests/user_part EXC-12` is one that raises all.

use crate::claim::{
    claim,
    judge,
    skip,
    Finding,
    Trial, //
};
use crate::{
    fixup::Setting,
    refusal::Answer, //
};
use irqlab::{
    context::Unsleeping,
    emit,
    exception::Vector,
    fixup::{
        access,
        Paging, //
    },
    text::Text,
    tracepoint::{
        Attached,
        Observer,
        PageFaultUser,
        SignalGenerate, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

claim! {
    quote: "Most of the exception are interpreted by Linux as errpr condittions. Whene one of them occurs, the kernel sends a signal to the process that caused the eception. But is it not alwais the case.",
    section: "Exception Handling",
    today: "the same",
    functions: "do_trap(), force_sig_fault(), do_user_addr_fault()",
    control: "exceptions in kernel mode, with a fixup",
    next: "/irqlab/user_exceptions | grep '^#'",
}

/// The signals that exceptions become, as x86 numbers them, and which.
const SIGNALS: [(&str, u32, &[Vector]); 5] = [
    ("SIGILL", 4, &[Vector::UD]),
    ("SIGTRAP", 5, &[Vector::DB, Vector::BP]),
    ("SIGBUS", 7, &[Vector::SS, Vector::PF, Vector::AC]),
    ("SIGFPE", 8, &[Vector::DE, Vector::MF, Vector::XM]),
    (
        "SIGSEGV",
        11,
        &[Vector::OF, Vector::BR, Vector::GP, Vector::PF],
    ),
];
const SIGKILL: u32 = 9;

/// What was sent because of exceptions: how often, by the place in [`SIGNALS`].
struct Signals {
    /// Of this task only.
    only: Option<i32>,
    /// A bit for each vector, too.
    expected: [(Atomic<u64>, Atomic<u64>); SIGNALS.len()],
    /// One of the signals, but for another vector.
    unexpected: Atomic<u64>,
    kills: Atomic<u64>,
    page_faults: Atomic<u64>,
}

impl Signals {
    fn new(only: Option<i32>) -> Self {
        Self {
            only,
            expected: core::array::from_fn(|_| (Atomic::new(0), Atomic::new(0))),
            unexpected: Atomic::new(0),
            kills: Atomic::new(0),
            page_faults: Atomic::new(0),
        }
    }

    fn nr_kinds(&self) -> usize {
        let kinds = self.expected.iter();
        kinds.filter(|(count, _)| count.load(Relaxed) > 0).count()
    }

    fn show(&self) -> Result<Text> {
        let mut text = Text::new();
        for ((name, _, _), (count, seen)) in SIGNALS.iter().zip(&self.expected) {
            let seen = seen.load(Relaxed);
            let mut vectors = Text::new();
            for vector in (0..32).filter(|vector| seen & 1 << vector != 0) {
                vectors.separate("/")?;
                emit!(&mut vectors, "{}", Vector(vector))?;
            }
            let by = if vectors.is_empty() { "" } else { " by " };
            emit!(
                &mut text,
                "{} {}{}{}, ",
                count.load(Relaxed),
                name,
                by,
                vectors
            )?;
        }
        emit!(
            &mut text,
            "{} by others; {} SIGKILL; {} page faults in user mode",
            self.unexpected.load(Relaxed),
            self.kills.load(Relaxed),
            self.page_faults.load(Relaxed)
        )?;
        Ok(text)
    }
}

impl Observer<SignalGenerate> for Signals {
    fn observe(&self, event: &SignalGenerate, _context: &Unsleeping) {
        let Some(vector) = event.exception else {
            return;
        };
        if self.only.is_some_and(|pid| pid != event.pid) {
            return;
        }
        if event.signal == SIGKILL {
            self.kills.add(1, Relaxed);
        }
        for ((_, signal, vectors), (count, seen)) in SIGNALS.iter().zip(&self.expected) {
            if *signal != event.signal {
                continue;
            }
            if vectors.contains(&vector) {
                count.add(1, Relaxed);
                seen.store(seen.load(Relaxed) | 1 << vector.0, Relaxed);
            } else {
                self.unexpected.add(1, Relaxed);
            }
        }
    }
}

impl Observer<PageFaultUser> for Signals {
    fn observe(&self, _event: &PageFaultUser, _context: &Unsleeping) {
        self.page_faults.add(1, Relaxed);
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    const PATIENCE_MS: u32 = 300;
    const KERNEL_FAULTS: usize = 100;

    let only = trial.is_control().then(|| current!().pid());
    let signals = Arc::new(Signals::new(only), GFP_KERNEL)?;
    let mut attached = Attached::new(signals.clone());
    attached.to::<SignalGenerate>()?;
    attached.to::<PageFaultUser>()?;
    if trial.is_control() {
        let island = Setting::new(trial.task)?.island;
        for _ in 0..KERNEL_FAULTS {
            let _ = access::load(&island.guard(0), Paging::Refused);
        }
    } else {
        trial.eventually(PATIENCE_MS, || signals.nr_kinds() == SIGNALS.len());
    }
    drop(attached);

    let evidence = signals.show()?;
    let is_complete = signals.nr_kinds() == SIGNALS.len();
    if !is_complete && !trial.is_control() {
        skip!(
            "no process has raised them all in {} ms: run './user_part EXC-12 &' and try again; {}",
            PATIENCE_MS,
            evidence
        );
    }
    judge!(
        is_complete && signals.unexpected.load(Relaxed) == 0 && signals.kills.load(Relaxed) == 0,
        "{}",
        evidence
    )
}
