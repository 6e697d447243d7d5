// SPDX-License-Identifier: GPL-2.0

//! An entry of the exception table is two addresses: of an instruction, and
//! of its fixup.
//!
//! It was, on 32 bits. Now both are relative to where they are, and there is a third
//! word, which says what to do.

use crate::{
    claim::prelude::*,
    fixup::{
        Case,
        Setting, //
    },
};
use irqlab::{
    context::Kind,
    fixup::table::{
        self,
        Entry,
        Handler, //
    },
    symbol::Name, //
};

claim! {
    quote: "each entry contains: insn that is the address of an instruction that accesses the process address space; fixup that is the address of the assembly code which solves the problem",
    section: "The Exception Tables",
    today: "since Linux 3.5 both are relative to where they are; since 4.6 there is a third word, which names a handler",
    functions: "struct exception_table_entry, ex_handler_default()",
    control: "takes the words for addresses",
    next: "cat fixup/table",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let mut setting = Setting::new(trial.task)?;
    let attempt = setting.attempt(Case::find("guard")?, Kind::Task, 0, None, trial.task)?;
    let addresses = |entry: &Entry| {
        if trial.is_control() {
            let fixup_at = entry.at + size_of::<u32>();
            (
                entry.instruction.wrapping_sub(entry.at),
                entry.fixup.wrapping_sub(fixup_at),
            )
        } else {
            (entry.instruction, entry.fixup)
        }
    };
    let (mut nr_inside, mut nr_known) = (0, 0);
    for entry in table::entries() {
        let (instruction, fixup) = addresses(&entry);
        let (from, to) = (Name::of(instruction), Name::of(fixup));
        let is_inside = from.module() == Some(table::MODULE) && from.function() == to.function();
        nr_inside += usize::from(is_inside && fixup > instruction);
        nr_known += usize::from(!matches!(entry.handler, Handler::Other(_)));
    }
    evidence.note(fmt!("{} entries of {} bytes", table::len(), Entry::SIZE))?;
    evidence.check(
        nr_inside == table::len() && nr_inside > 0,
        fmt!("{nr_inside} lead from an instruction of the library to a later one of the same function"),
    )?;
    // One of them is what the fault has gone by.
    let fault = attempt.exception.zip(attempt.outcome.ok());
    let used = fault.and_then(|(exception, outcome)| {
        let is_used =
            |entry: &Entry| addresses(entry) == (exception.registers.ip, outcome.resumed_at);
        table::entries().find(is_used)
    });
    let ip = fault.map_or(0, |(exception, _)| exception.registers.ip);
    evidence.check(
        used.is_some(),
        fmt!("a fault in {} went by one of them", Name::of(ip).place()),
    )?;
    match Entry::SIZE - 2 * size_of::<u32>() {
        0 => evidence.holds(),
        rest => {
            evidence.check(
                rest == size_of::<u32>() && nr_known == table::len(),
                fmt!("behind the two addresses {nr_known} have the number of a known handler"),
            )?;
            evidence.outdated()
        }
    }
}
