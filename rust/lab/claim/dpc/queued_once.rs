// SPDX-License-Identifier: GPL-2.0

//! A DPC is in one queue at a time, once: inserting it again returns false and keeps the
//! first arguments, and removing it tells whether it was there.
//!
//! With interrupts off its CPU cannot drain the queue meanwhile.

use super::probe::{
    probe,
    system,
    Journal,
    ONLY_INSERTIONS, //
};
use crate::claim::prelude::*;
use irqlab::{
    dpc::{
        Arguments,
        Ordinary, //
    },
    interrupt::local_interrupt_disable, //
};

claim! {
    quote: "If the specified DPC object has already been queued, no operation is performed except to return FALSE.",
    section: "Windows driver documentation, KeInsertQueueDpc",
    today: "rebuilt: the DPC notes its queue, under the queue's lock",
    functions: "dpc::Dpc::insert(), dpc::Dpc::remove(), KeRemoveQueueDpc",
    control: "it may run between the two insertions",
    next: "cat dpc/queues # the columns inserted, run and removed",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let system = system(ONLY_INSERTIONS)?;
    let journal = Journal::new()?;
    let twice = probe::<Ordinary>(&system, &journal, '2')?;
    let removed = probe::<Ordinary>(&system, &journal, 'r')?;
    let (first, second, took, took_again) = {
        let off = (!trial.is_control()).then(local_interrupt_disable);
        let first = twice.insert(Arguments(1, 2));
        if off.is_none() {
            trial.come("a DPC", || journal.count('2') > 0)?;
        }
        let second = twice.insert(Arguments(3, 4));
        removed.insert(Arguments(5, 6));
        (first, second, removed.remove(), removed.remove())
    };
    trial.come("a DPC", || !twice.is_queued() && journal.count('2') > 0)?;
    trial.settle();
    let runs = journal.count('2');
    let arguments = journal.get(0).map_or(Arguments(0, 0), |run| run.arguments);
    let after = twice.remove();

    evidence.check(
        first && !second,
        fmt!("inserted with 1 2 and with 3 4: {first}, {second}"),
    )?;
    evidence.check(
        runs == 1 && arguments == Arguments(1, 2),
        fmt!("runs: {runs}, with {} {}", arguments.0, arguments.1),
    )?;
    evidence.check(!after, fmt!("removed after that: {after}"))?;
    if trial.is_control() {
        return evidence.holds();
    }
    let nr_removed = journal.count('r');
    evidence.check(
        took && !took_again && nr_removed == 0,
        fmt!(
            "another one, removed twice while queued: {took}, {took_again}; its runs: {nr_removed}"
        ),
    )?;
    evidence.holds()
}
