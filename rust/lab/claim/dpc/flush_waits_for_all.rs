// SPDX-License-Identifier: GPL-2.0

//! A flush returns after all DPCs that were queued before, on all CPUs, have run to their end.

use super::probe::{
    slow_probe,
    system,
    Journal,
    ONLY_INSERTIONS, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    cpu,
    dpc::{
        Arguments,
        Importance,
        Ordinary,
        Threaded, //
    },
};

claim! {
    quote: "The KeFlushQueuedDpcs routine returns after all currently queued DPCs on all processors have executed their DPC routines to completion.",
    section: "Windows driver documentation, KeFlushQueuedDpcs",
    today: "rebuilt: a DPC at the end of each queue tells that all before it have run",
    functions: "dpc::System::flush()",
    control: "does not flush",
    next: "cat dpc/queues # the column flush: queues that had to be drained for one",
}

/// On how many CPUs DPCs wait.
const MAX_CPUS: usize = 16;
/// How long each takes.
const SPIN_NS: u64 = 200_000;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let system = system(ONLY_INSERTIONS)?;
    let journal = Journal::new()?;
    let mut ordinary = KVec::new();
    let mut threaded = KVec::new();
    for cpu in cpu::online().take(MAX_CPUS) {
        // Two of Low importance wait until somebody flushes; the threaded one may be on its way.
        for _ in 0..2 {
            let dpc = slow_probe::<Ordinary>(&system, &journal, 'o', SPIN_NS)?;
            dpc.set_importance(Importance::Low);
            dpc.set_target(Some(cpu));
            ordinary.push(dpc, GFP_KERNEL)?;
        }
        let dpc = slow_probe::<Threaded>(&system, &journal, 't', SPIN_NS)?;
        dpc.set_target(Some(cpu));
        threaded.push(dpc, GFP_KERNEL)?;
    }
    for dpc in &ordinary {
        dpc.insert(Arguments::default());
    }
    for dpc in &threaded {
        dpc.insert(Arguments::default());
    }
    trial.settle();
    let before = journal.count('o');
    if before == ordinary.len() {
        skip!("all of them ran by themselves: there is nothing to wait for");
    }
    if !trial.is_control() {
        system.flush(trial.task)?;
    }
    let (nr_ordinary, nr_threaded) = (journal.count('o'), journal.count('t'));

    evidence.note(fmt!(
        "{} ordinary and {} threaded DPCs queued on {} CPUs; {before} of the ordinary ones ran by \
         themselves",
        ordinary.len(),
        threaded.len(),
        threaded.len()
    ))?;
    evidence.check(
        nr_ordinary == ordinary.len() && nr_threaded == threaded.len(),
        fmt!("after the flush {nr_ordinary} and {nr_threaded} had run to their end"),
    )?;
    evidence.holds()
}
