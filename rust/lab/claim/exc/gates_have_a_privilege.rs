// SPDX-License-Identifier: GPL-2.0

//! A programmed exception through a gate whose privilege level (DPL) is below the CPU's (CPL) is a
//! general protection fault (#GP).
//!
//! It takes a program that executes `int $n`, in user mode, which is level 3: the claim watches for one.
//! The error code of the fault tells which gate it was.

use crate::claim::{
    prelude::*,
    user_part, //
};
use irqlab::{
    context::Unsleeping,
    exception::Vector,
    idt::{
        self,
        Idt, //
    },
    tracepoint::{
        Attached,
        Observer,
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
    quote: "If programmed exception and if gate DPL < CPL -> General Protection Error",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "the same; user mode may use the gates of a breakpoint (3), of an overflow (4), and, where the \
            kernel runs 32-bit programs, 0x80. With FRED there are no gates, and the kernel refuses by \
            itself",
    functions: "idt_setup_traps(), exc_general_protection()",
    control: "watches for a fault by int $3, whose gate has DPL 3",
    next: "cat idt; /irqlab/user_exceptions | grep int_",
}

const BREAKPOINT: u8 = 3;
/// One that no device has a reason to permit.
const REFUSED: u8 = 0x81;

/// In an error code: its number is of an entry of the IDT.
const IN_THE_IDT: u64 = 2;

/// What programs were told of.
struct Programmed {
    /// The error code of a #GP at the gate: its number times 8, and bit 1, which says that it is in the
    /// IDT.
    error_code: u64,
    nr_refused: Atomic<u64>,
    /// That of the last #GP by an entry of the IDT.
    last_error_code: Atomic<u64>,
    nr_breakpoints: Atomic<u64>,
}

impl Observer<SignalGenerate> for Programmed {
    fn observe(&self, event: &SignalGenerate, _context: &Unsleeping) {
        // It is for the current task, as it raised the exception.
        match event.exception.filter(|_| user_part::is_current()) {
            Some(Vector::GP) if event.error_code & IN_THE_IDT != 0 => {
                let is_it = event.error_code == self.error_code;
                self.nr_refused.add(u64::from(is_it), Relaxed);
                self.last_error_code.store(event.error_code, Relaxed);
            }
            Some(Vector::BP) => self.nr_breakpoints.add(1, Relaxed),
            _ => (),
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_MS: u32 = 500;

    let number = trial.pick(REFUSED, BREAKPOINT);
    let programmed = Programmed {
        error_code: u64::from(number) << 3 | IN_THE_IDT,
        nr_refused: Atomic::new(0),
        last_error_code: Atomic::new(0),
        nr_breakpoints: Atomic::new(0),
    };
    let mut attached = Attached::new(Arc::new(programmed, GFP_KERNEL)?);
    attached.to::<SignalGenerate>()?;
    let seen = attached.observer();
    let counts = || {
        (
            seen.nr_refused.load(Relaxed),
            seen.nr_breakpoints.load(Relaxed),
        )
    };
    let have_come = || counts().1 > 0 && (counts().0 > 0 || trial.is_control());
    if !trial.eventually(PATIENCE_MS, have_come) {
        return Err(user_part::missing("EXC-03", fmt!("no program executed both int ${REFUSED:#x} and int ${BREAKPOINT} in {PATIENCE_MS} ms")));
    }
    let (nr_refused, nr_breakpoints) = counts();
    if idt::is_fred() {
        evidence.note(fmt!("no gates: FRED has taken their place"))?;
    } else {
        let gate = Idt::current().gates().nth(number.into());
        let dpl = gate.map_or(0, |gate| gate.dpl);
        evidence.check(
            dpl < 3,
            fmt!("gate {number:#x} has DPL {dpl}, and user mode CPL 3"),
        )?;
    }
    evidence.check(
        nr_refused > 0,
        fmt!(
            "int ${number:#x} in user mode became #GP {nr_refused} times; the last #GP by a gate had the error code {:#x}",
            seen.last_error_code.load(Relaxed)
        ),
    )?;
    evidence.check(
        nr_breakpoints > 0,
        fmt!("int ${BREAKPOINT}, whose gate has DPL 3, became #BP {nr_breakpoints} times"),
    )?;
    evidence.holds()
}
