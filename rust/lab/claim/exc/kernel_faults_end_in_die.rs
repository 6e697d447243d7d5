// SPDX-License-Identifier: GPL-2.0

//! A fault in the kernel without a fixup ends in die().
//!
//! With an oops on the console, and the end of the task that was running, or of the machine, if oopses
//! are to panic: nobody is left to give the verdict but the guest's runner (`tools/test crash`). The
//! control's access has a fixup, and goes on.

use crate::claim::{
    prelude::*,
    skip_dangerous, //
};
use irqlab::{
    dangerous,
    fixup::{
        access,
        Island,
        Paging, //
    },
    symbol::Address,
};

claim! {
    quote: "In any other case the kernel call the function die() which prints a dump in the screen and \
            kills the process (remember the kernel oops).",
    section: "do_handler_name()",
    today: "the same; of a page fault the dump is page_fault_oops()'s",
    functions: "page_fault_oops(), __die(), oops_end()",
    control: "the access has a fixup",
    next: "cat fixup/table",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    skip_dangerous!(trial, "EXC-13", "makes the kernel report 'Oops'");
    let island = Island::new()?;
    let nothing = island.guard(0);
    let outcome = match trial.pick(true, false) {
        true => dangerous::load(&nothing),
        false => access::load(&nothing, Paging::Refused)?,
    };
    evidence.check(
        false,
        fmt!(
            "a load from {}, where nothing is, went on at {}: {:?}",
            Address(nothing.as_raw()),
            Address(outcome.resumed_at),
            outcome.end
        ),
    )?;
    evidence.holds()
}
