// SPDX-License-Identifier: GPL-2.0

//! The call-function interrupt halts the other CPUs.
//!
//! A CPU that was halted so would not come back. So the code of the handlers is read instead: from which
//! gates of the IDT do direct calls lead to the function that halts a CPU?

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    code,
    idt::Idt,
    lapic,
    symbol::Name, //
};

claim! {
    quote: "This is used for example for halting the system.",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "halting has an interrupt of its own, 0xf8, since 2.6.31 (2009), and CPUs that do not take it within 1 s get an NMI; the call-function interrupt is for what returns",
    functions: "native_stop_other_cpus(), sysvec_reboot(), smp_stop_nmi_callback(), stop_this_cpu()",
    control: "looks at the gates of exceptions instead of those of interrupts",
    next: "grep -e reboot -e call_function idt",
}

/// The function that halts the CPU that it runs on.
const HALTS: &str = "stop_this_cpu";

/// How many calls lead to it: from the gate's code, by a wrapper, and the handler itself.
const DEPTH: u32 = 4;

/// Where the gates of exceptions end.
const NR_EXCEPTIONS: u8 = 32;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let idt = Idt::current();
    if idt.is_empty() {
        skip!("this CPU has no gates (FRED)");
    }
    let is_control = trial.is_control();
    let (mut nr_gates, mut nr_halting) = (0, 0);
    let mut is_by_call = false;
    for gate in idt.gates() {
        let is_exception = gate.vector < NR_EXCEPTIONS;
        // The gates of devices are entries of a table, which all lead to the same.
        if is_exception != is_control || !Name::of(gate.handler).is_beginning() {
            continue;
        }
        nr_gates += 1;
        if !leads_to_halt(gate.handler, DEPTH)? {
            continue;
        }
        nr_halting += 1;
        is_by_call |= [
            lapic::CALL_FUNCTION_VECTOR,
            lapic::CALL_FUNCTION_SINGLE_VECTOR,
        ]
        .contains(&gate.vector);
        evidence.note(fmt!(
            "gate {:#x}, {}(), leads to {HALTS}()",
            gate.vector,
            Name::of(gate.handler).function()
        ))?;
    }
    if nr_halting == 0 && !is_control {
        skip!("from none of {nr_gates} gates direct calls are seen to lead to {HALTS}()");
    }
    evidence.check(
        nr_halting > 0,
        fmt!(
            "{nr_halting} of {nr_gates} gates of {} with a function of their own do",
            trial.pick("interrupts", "exceptions")
        ),
    )?;
    if is_by_call {
        evidence.holds()
    } else {
        evidence.outdated()
    }
}

/// Whether direct calls lead from the function at `address` to the one that halts.
fn leads_to_halt(address: usize, depth: u32) -> Result<bool> {
    if depth == 0 {
        return Ok(false);
    }
    // What is not code calls nothing.
    let targets = match code::calls(address) {
        Err(ENOMEM) => return Err(ENOMEM),
        targets => targets.unwrap_or_default(),
    };
    for target in targets {
        let name = Name::of(target);
        // Of the way there only what handles interrupts: each call has calls of its own.
        if name.function() == HALTS {
            return Ok(true);
        }
        if name.function().contains("sysvec") && leads_to_halt(target, depth - 1)? {
            return Ok(true);
        }
    }
    Ok(false)
}
