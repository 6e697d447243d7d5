// SPDX-License-Identifier: GPL-2.0

//! FIX-04: an entry of the exception table is two addresses: of an instruction, and
//! of its fixup.
//!
//! It was, on 32 bits. Now both are relative to where they are, and there is a third
//! word, which says what to do.

use super::{
    found,
    Claim,
    Finding,
    Trial,
    Verdict, //
};
use crate::{
    fixup::{
        Case,
        Setting, //
    },
    refusal::Answer,
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
use kernel::prelude::*;

pub(super) const CLAIM: Claim = Claim {
    id: "FIX-04",
    text: "an exception table entry is the address of an instruction and that of its fixup",
    control: "takes the words for addresses",
    run,
};

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
        let is_inside = from.as_str().ends_with("[irqlab]") && from.function() == to.function();
        nr_inside += usize::from(is_inside && fixup > instruction);
        nr_known += usize::from(!matches!(entry.handler, Handler::Other(_)));
    }
    // One of them is what the fault has gone by.
    let fault = attempt.exception.zip(attempt.outcome.ok());
    let used = fault.and_then(|(exception, outcome)| {
        let is_used =
            |entry: &Entry| addresses(entry) == (exception.registers.ip, outcome.resumed_at);
        table::entries().find(is_used)
    });
    let is_consistent = nr_inside == table::len() && nr_known == table::len() && nr_known > 0;
    let verdict = match used {
        Some(_) if is_consistent && Entry::SIZE == 3 * size_of::<u32>() => Verdict::Outdated,
        _ => Verdict::Fails,
    };
    found(
        verdict,
        fmt!(
            "{} entries of {} bytes: two offsets and a handler; {} lead from an instruction of this \
             module to a later one of the same function, {} have a known handler; a fault in \
             {} went by {}",
            table::len(),
            Entry::SIZE,
            nr_inside,
            nr_known,
            Name::of(fault.map_or(0, |(exception, _)| exception.registers.ip)).place(),
            if used.is_some() { "one of them" } else { "none of them" }
        ),
    )
}
