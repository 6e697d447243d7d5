// SPDX-License-Identifier: GPL-2.0

//! The fault handler searches the table by the address of the instruction.
//!
//! Two loads, one right behind the other, go on at the same place if they fault, but leave different
//! errors. Which one is left shows whose entry the kernel has found.

use crate::claim::prelude::*;
use irqlab::{
    fixup::{
        access,
        table,
        End,
        Island, //
    },
    symbol::Name,
};

claim! {
    quote: "the do_page_fault() handler will look at the table: if it includes the address of instruction \
            that triggered the exception the error is caused by a system call parameter, otherwise by a \
            more serious bug.",
    section: "The Exception Tables",
    today: "the same: of the kernel or of a module, the sorted table is searched by bisection",
    functions: "search_exception_tables(), search_module_extables(), search_extable()",
    control: "the other one of the two loads faults",
    next: "cat fixup/table; echo guard hardirq > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let island = Island::new()?;
    let (good, bad) = (island.inside(0), island.guard(0));
    for (name, [first, second], end) in [
        (
            "the first",
            trial.pick([bad, good], [good, bad]),
            End::Error(-1),
        ),
        (
            "the second",
            trial.pick([good, bad], [bad, good]),
            End::Error(-2),
        ),
        ("none", [good, good], End::Done),
    ] {
        let outcome = access::load_two(&first, &second)?;
        evidence.check(
            outcome.end == end,
            fmt!("{name} of two loads faults: {}", Ended(outcome.end)),
        )?;
        if outcome.end == End::Done {
            continue;
        }
        let is_for_it = |entry: &table::Entry| {
            entry.fixup == outcome.resumed_at && End::Error(entry.immediate.into()) == end
        };
        let entry = table::entries().find(is_for_it);
        evidence.check(
            entry.is_some(),
            fmt!(
                "the entry that says so is for {}",
                Name::of(entry.map_or(0, |entry| entry.instruction)).place()
            ),
        )?;
    }
    let is_sorted = table::entries().is_sorted_by_key(|entry| entry.instruction);
    evidence.check(
        is_sorted,
        fmt!(
            "the {} entries of the table are {} the order of their instructions",
            table::len(),
            if is_sorted { "in" } else { "not in" }
        ),
    )?;
    evidence.holds()
}

struct Ended(End);

impl kernel::fmt::Display for Ended {
    fn fmt(&self, f: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        match self.0 {
            End::Done => f.write_str("no error"),
            End::Error(errno) => f.write_fmt(fmt!("error {errno}")),
            End::Trapped(vector) => f.write_fmt(fmt!("vector {vector}")),
        }
    }
}
