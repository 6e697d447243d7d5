// SPDX-License-Identifier: GPL-2.0

//! A gate that leads to less privilege is a general protection fault.
//!
//! All gates of the kernel lead into its own code segment, so the rule never shows. Therefore an
//! exception is raised with a copy of the table, in which its gate leads into the code segment of user
//! mode.

use crate::claim::prelude::*;
use irqlab::{
    exception::Vector,
    fixup::End,
    idt::{
        self,
        Change,
        Idt, //
    },
    segment::{
        self,
        KERNEL_CODE,
        USER_CODE, //
    },
};

claim! {
    quote: "get the base address of the GDT from GDTR and read the segment descriptor for that. […] If \
            CPL < segment DPL --> General Protection Error",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "the same, by the CPU; with FRED there are no gates, and the kernel's segment is fixed",
    functions: "pack_gate(), exc_general_protection()",
    control: "the gate in the copy leads into the kernel's code segment",
    next: "cat idt",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let table = Idt::current();
    if table.is_empty() || idt::is_fred() {
        evidence.note(fmt!("no gates: FRED has taken their place"))?;
        return evidence.outdated();
    }
    let present = table.gates().filter(|gate| gate.is_present);
    let (mut nr_present, mut nr_privileged) = (0, 0);
    for gate in present {
        nr_present += 1;
        nr_privileged += u32::from(segment::code_privilege(gate.segment) == Some(0));
    }
    evidence.check(
        nr_present == nr_privileged,
        fmt!("{nr_privileged} of {nr_present} gates lead into a code segment of DPL 0"),
    )?;
    let segment = trial.pick(USER_CODE, KERNEL_CODE);
    let end = idt::undefined_by_copy(Change::Segment(segment), trial.task)?.end;
    let handled = match end {
        End::Trapped(vector) => Vector(vector),
        _ => Vector(u8::MAX),
    };
    evidence.check(
        handled == Vector::GP,
        fmt!(
            "UD2 in kernel mode, with a gate into segment {segment:#x} of DPL {}: handled as {handled}",
            segment::code_privilege(segment).unwrap_or(u8::MAX)
        ),
    )?;
    evidence.holds()
}
