// SPDX-License-Identifier: GPL-2.0

//! A DPC of High importance goes to the head of the queue, all others to the tail.

use super::probe::{
    probe,
    system,
    Journal,
    Order,
    ONLY_INSERTIONS, //
};
use crate::claim::prelude::*;
use irqlab::{
    dpc::{
        Arguments,
        Importance,
        Ordinary, //
    },
    interrupt::local_interrupt_disable, //
};

claim! {
    quote: "Typically, the DPC is placed at the end of the queue; but if the driver first calls KeSetImportanceDpc with the Importance parameter equal to HighImportance, the DPC is placed at the beginning of the queue.",
    section: "Windows driver documentation, Organization of DPC Queues",
    today: "rebuilt as a list that is linked both ways",
    functions: "dpc::Importance::end(), dpc::Dpc::set_importance(), KeSetImportanceDpc",
    control: "the importance is not set: all are Medium",
    next: "echo line=sim0 mechanisms=dpc,dpc_high load=softirq > bench; cat bench",
}

/// In the order in which they are inserted.
const INSERTED: [(char, Importance); 6] = [
    ('L', Importance::Low),
    ('h', Importance::High),
    ('M', Importance::Medium),
    ('H', Importance::High),
    ('+', Importance::MediumHigh),
    ('l', Importance::Low),
];

const EXPECTED: [char; INSERTED.len()] = ['H', 'h', 'L', 'M', '+', 'l'];

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let system = system(ONLY_INSERTIONS)?;
    let journal = Journal::new()?;
    let mut dpcs = KVec::new();
    for (name, importance) in INSERTED {
        let dpc = probe::<Ordinary>(&system, &journal, name)?;
        if !trial.is_control() {
            dpc.set_importance(importance);
        }
        dpcs.push(dpc, GFP_KERNEL)?;
    }
    {
        let _off = local_interrupt_disable();
        for dpc in &dpcs {
            dpc.insert(Arguments::default());
        }
    }
    trial.come("a DPC", || journal.len() == INSERTED.len())?;

    evidence.note(fmt!(
        "inserted L h M H + l: L and l of Low importance, M Medium, + MediumHigh, h and H High"
    ))?;
    evidence.check(
        journal.iter().map(|run| run.name).eq(EXPECTED),
        fmt!("they ran in the order {}", Order(&journal)),
    )?;
    evidence.holds()
}
