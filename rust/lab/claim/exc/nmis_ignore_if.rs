// SPDX-License-Identifier: GPL-2.0

//! An NMI ignores IF.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    runs::Runs,
};
use irqlab::{
    clock,
    context::{
        Kind,
        Snapshot, //
    },
    exception::Registers,
    irq_work::IrqWork,
    nmi::Sender, //
};
use kernel::{
    interrupt::local_interrupt_disable,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

claim! {
    quote: "Non-Maskable Interrupts: ex HW failure are non-maskable",
    section: "Classification",
    today: "the same",
    functions: "asm_exc_nmi, exc_nmi(), default_do_nmi()",
    control: "sends maskable interrupts",
    next: "echo guard nmi > fixup/access; cat fixup/steps",
}

const COUNT: u64 = 20;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let (nr_in_nmi, nr_found_off) = (Atomic::new(0u64), Atomic::new(0u64));
    let nr_ran = if trial.is_control() {
        maskable()?
    } else {
        let sender = Sender::new(trial.task)?;
        let nr_ran = Atomic::new(0u64);
        for _ in 0..COUNT {
            let sent = sender.call_here(&|interrupted| {
                let is_nmi = Snapshot::take().kind() == Kind::Nmi;
                let is_off = interrupted.registers.flags & Registers::IF == 0;
                nr_ran.add(1, Relaxed);
                nr_in_nmi.add(u64::from(is_nmi), Relaxed);
                nr_found_off.add(u64::from(is_off), Relaxed);
            });
            if sent == Err(ETIMEDOUT) && nr_ran.load(Relaxed) == 0 {
                skip!("this machine cannot send itself an NMI: none came in 2 s");
            }
            sent?;
        }
        nr_ran.load(Relaxed)
    };
    let (nr_in_nmi, nr_found_off) = (nr_in_nmi.load(Relaxed), nr_found_off.load(Relaxed));
    evidence.check(
        nr_ran == COUNT,
        fmt!(
            "of {COUNT} {}, sent to this CPU with interrupts off, {nr_ran} came before they were on again",
            trial.pick("NMIs", "maskable interrupts")
        ),
    )?;
    evidence.check(
        nr_found_off == COUNT && nr_in_nmi == COUNT,
        fmt!("{nr_in_nmi} counted as NMIs; {nr_found_off} found IF = 0 in what they interrupted"),
    )?;
    evidence.holds()
}

/// How many maskable interrupts came with interrupts off.
fn maskable() -> Result<u64> {
    let work = KBox::pin_init(IrqWork::new(Ok::<_, Error>(Runs::new())), GFP_KERNEL)?;
    let mut nr_ran = 0;
    for _ in 0..COUNT {
        let _guard = local_interrupt_disable();
        let before = work.count();
        work.queue();
        clock::spin_ns(10_000);
        nr_ran += work.count() - before;
    }
    Ok(nr_ran)
}
