// SPDX-License-Identifier: GPL-2.0

//! The instruction `int` implements system calls.
//!
//! It did. The instruction SYSCALL goes where a register says, without a gate: it leaves in CX where it
//! goes on, by which the kernel's tracepoint of system calls tells it from `int $0x80`.

use crate::claim::{
    prelude::*,
    skip,
    user_part, //
};
use irqlab::{
    context::Unsleeping,
    idt::{
        self,
        Idt, //
    },
    symbol::Name,
    syscall,
    tracepoint::{
        Attached,
        Observer,
        SysEnter, //
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
    quote: "These interrupts are treated like traps are often called also software interrupts they are \
            used for implementing syscall or debugging purposes.",
    section: "Classification",
    today: "64-bit programs have always used SYSCALL. int $0x80 is for 32-bit programs only, where the \
            kernel runs them",
    functions: "entry_SYSCALL_64, do_syscall_64(), do_int80_emulation()",
    control: "looks where int $0x80 goes in place of SYSCALL",
    next: "cat idt",
}

/// The gate of 32-bit programs' system calls.
const GATE: u8 = 0x80;

/// What the program has as its first argument when it calls by SYSCALL, and by `int`.
const BY_SYSCALL: usize = 0x6972_716c_6162_0007;
const BY_INT: usize = 0x6972_716c_6162_0008;

/// System calls, by how they came.
struct Calls {
    nr_by_syscall: Atomic<u64>,
    nr_by_int: Atomic<u64>,
    /// Of those of which the program said how it made them: how many came so, and otherwise.
    nr_marked: Atomic<u64>,
    nr_otherwise: Atomic<u64>,
}

impl Observer<SysEnter> for Calls {
    fn observe(&self, event: &SysEnter, _context: &Unsleeping) {
        let count = match event.is_by_syscall {
            true => &self.nr_by_syscall,
            false => &self.nr_by_int,
        };
        count.add(1, Relaxed);
        let is_as_told = match event.argument {
            BY_SYSCALL => event.is_by_syscall,
            BY_INT => !event.is_by_syscall,
            _ => return,
        };
        let count = match is_as_told {
            true => &self.nr_marked,
            false => &self.nr_otherwise,
        };
        count.add(1, Relaxed);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_MS: u32 = 500;
    const ENOUGH: u64 = 20;

    if idt::is_fred() {
        skip!("CR4.FRED = 1: no gates are left, and SYSCALL leaves nothing in CX by which it could be told");
    }
    let gate = Idt::current().gates().nth(GATE.into());
    let may_int = gate.is_some_and(|gate| gate.dpl == 3);
    let calls = Calls {
        nr_by_syscall: Atomic::new(0),
        nr_by_int: Atomic::new(0),
        nr_marked: Atomic::new(0),
        nr_otherwise: Atomic::new(0),
    };
    let mut attached = Attached::new(Arc::new(calls, GFP_KERNEL)?);
    if attached.to::<SysEnter>() == Err(ENOENT) {
        skip!("this kernel has no tracepoint for system calls");
    }
    let calls = attached.observer();
    let counts = || {
        (
            calls.nr_by_syscall.load(Relaxed),
            calls.nr_by_int.load(Relaxed),
        )
    };
    let nr_told = || calls.nr_marked.load(Relaxed) + calls.nr_otherwise.load(Relaxed);
    let is_enough = || counts().0 >= ENOUGH && (counts().1 > 0 || !may_int) && nr_told() > 1;
    let is_enough = trial.eventually(PATIENCE_MS, is_enough);
    let (nr_by_syscall, nr_by_int) = counts();
    if nr_by_syscall == 0 && nr_by_int >= ENOUGH {
        evidence.note(fmt!(
            "{nr_by_int} system calls came by int $0x80, none by SYSCALL"
        ))?;
        return evidence.holds();
    }
    if !is_enough {
        return Err(user_part::missing("EXC-19", fmt!("programs made {nr_by_syscall} system calls by SYSCALL and {nr_by_int} by int $0x80 in {PATIENCE_MS} ms")));
    }
    let by_int = gate.map_or(0, |gate| gate.handler);
    let (name, nr, entry) = trial.pick(
        ("SYSCALL", nr_by_syscall, syscall::entry()),
        ("int $0x80", nr_by_int, by_int),
    );
    let nr_gates = Idt::current().gates().filter(|gate| gate.handler == entry);
    let nr_gates = nr_gates.count();
    evidence.check(nr > 0, fmt!("{nr} system calls came by {name}"))?;
    let nr_otherwise = calls.nr_otherwise.load(Relaxed);
    evidence.check(
        nr_otherwise == 0,
        fmt!(
            "the program told of {} calls how it made them: {nr_otherwise} of these came otherwise",
            nr_told()
        ),
    )?;
    evidence.check(
        nr_gates == 0,
        fmt!(
            "it goes to {}, where {nr_gates} gates lead",
            Name::of(entry).function()
        ),
    )?;
    match gate {
        Some(gate) if may_int => evidence.note(fmt!(
            "int $0x80 goes through a gate of DPL 3 to {}: {nr_by_int} calls",
            Name::of(gate.handler).function()
        ))?,
        _ => evidence.note(fmt!("there is no gate for int $0x80"))?,
    }
    evidence.outdated()
}
