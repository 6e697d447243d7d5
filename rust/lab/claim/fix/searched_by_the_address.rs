// SPDX-License-Identifier: GPL-2.0

//! The handler searches the table by the address of the instruction.
//!
//! The kernel's own search is seen by what follows: it went on where the entry says.
//! The same search finds nothing for any other address around.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
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
    fixup::table,
    symbol::{
        Address,
        Name, //
    }, //
};

claim! {
    quote: "the do_page_fault() handler will look at the table: if it includes the address of instruction that triggered the exception the error is caused by a system call parameter, otherwise by a more serious bug",
    section: "The Exception Tables",
    today: "the same: the sorted table of the kernel or of the module is searched by bisection",
    functions: "search_exception_tables(), search_module_extables()",
    control: "searches by the address of the next instruction",
    next: "cat fixup/table; echo guard hardirq > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut setting = Setting::new(trial.task)?;
    let attempt = setting.attempt(Case::find("guard")?, Kind::Task, 0, None, trial.task)?;
    let (Some(exception), Ok(outcome)) = (attempt.exception, attempt.outcome) else {
        return judge!(false, "no exception was seen");
    };
    let ip = exception.registers.ip;
    let sought = if trial.is_control() {
        outcome.resumed_at
    } else {
        ip
    };
    let found = table::search(sought);
    let nr_others = (ip - 16..ip + 16)
        .filter(|other| *other != ip && table::search(*other).is_some())
        .count();
    let is_sorted = table::entries().is_sorted_by_key(|entry| entry.instruction);
    judge!(
        found.is_some_and(|entry| entry.fixup == outcome.resumed_at) && nr_others == 0 && is_sorted,
        "fault at {} {}: searched for {}, {} of {} entries found, in order of address: {}; 31 \
         addresses around it: {} found; went on at {}, {} in the entry",
        Address(ip),
        Name::of(ip).place(),
        Address(sought),
        u8::from(found.is_some()),
        table::len(),
        is_sorted,
        nr_others,
        Address(outcome.resumed_at),
        Address(found.map_or(0, |entry| entry.fixup))
    )
}
