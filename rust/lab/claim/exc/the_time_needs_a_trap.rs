// SPDX-License-Identifier: GPL-2.0

//! Reading the time needs a trap.
//!
//! The text says so in passing, of the vDSO: a piece of code that the kernel maps into each process, and
//! that reads the time without the kernel. It takes a program that reads the time between two system
//! calls of a kind that nobody else makes.

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
    tracepoint::{
        Attached,
        Observer,
        SysEnter, //
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
    quote: "The same problem holds for synchronous requests from userspace implemented without using traps \
            (e.g., via the vDSO).",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "x86-64 has read the time without a trap since Linux 2.6.0, by the vsyscall page, and by the \
            vDSO since 2.6.23; where the clock is none that user mode can read, it needs a system call",
    functions: "__vdso_clock_gettime(), update_vsyscall()",
    control: "the program reads it by system calls",
    next: "cat /sys/devices/system/clocksource/clocksource0/current_clocksource",
}

/// How often the program reads the time between its marks.
const COUNT: u64 = 100;
/// The first arguments of the system calls before and behind.
const BEGIN: usize = 0x6972_716c_6162_0004;
const BEGIN_BY_CALLS: usize = 0x6972_716c_6162_0005;
const END: usize = 0x6972_716c_6162_0006;

struct Between {
    begin: usize,
    /// The program, while it is between its marks.
    pid: Atomic<i32>,
    nr_calls: Atomic<u64>,
    is_over: Atomic<bool>,
}

impl Observer<SysEnter> for Between {
    fn observe(&self, call: &SysEnter, _context: &Unsleeping) {
        let pid = Snapshot::take().pid;
        let is_inside = self.pid.load(Relaxed) == pid;
        match call.argument {
            argument if argument == self.begin && !self.is_over.load(Relaxed) => {
                self.nr_calls.store(0, Relaxed);
                self.pid.store(pid, Relaxed);
            }
            END if is_inside => {
                self.pid.store(0, Relaxed);
                self.is_over.store(true, Release);
            }
            _ if is_inside => self.nr_calls.add(1, Relaxed),
            _ => (),
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_MS: u32 = 500;

    let between = Between {
        begin: trial.pick(BEGIN, BEGIN_BY_CALLS),
        pid: Atomic::new(0),
        nr_calls: Atomic::new(0),
        is_over: Atomic::new(false),
    };
    let mut attached = Attached::new(Arc::new(between, GFP_KERNEL)?);
    if attached.to::<SysEnter>() == Err(ENOENT) {
        skip!("this kernel has no tracepoint for system calls");
    }
    let between = attached.observer();
    if !trial.eventually(PATIENCE_MS, || between.is_over.load(Acquire)) {
        return Err(user_part::missing(
            "EXC-29",
            fmt!("no program read the time between its marks in {PATIENCE_MS} ms"),
        ));
    }
    let nr_calls = between.nr_calls.load(Relaxed);
    evidence.note(fmt!("a program read the time {COUNT} times"))?;
    if nr_calls >= COUNT && !trial.is_control() {
        evidence.note(fmt!(
            "by {nr_calls} system calls: its clock is not for user mode"
        ))?;
        return evidence.holds();
    }
    evidence.check(
        nr_calls == 0,
        fmt!("meanwhile it made {nr_calls} system calls"),
    )?;
    evidence.outdated()
}
