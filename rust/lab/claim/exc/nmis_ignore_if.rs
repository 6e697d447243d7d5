// SPDX-License-Identifier: GPL-2.0

//! An NMI ignores IF.
//!
//! With interrupts off a CPU sends itself a maskable interrupt, and then an NMI: the NMI comes, while
//! the other one, which was there before, waits.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    runs::Runs,
    waiting, //
};
use irqlab::{
    context::{
        Kind,
        Snapshot, //
    },
    exception::Registers,
    interrupt::local_interrupt_disable,
    irq_work::{
        self,
        IrqWork, //
    },
    lapic,
    nmi::Sender, //
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
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
    let maskable = KBox::pin_init(IrqWork::new(Ok::<_, Error>(Runs::new())), GFP_KERNEL)?;
    let sender = Sender::new(trial.task)?;
    let (nr_nmis, nr_in_nmi, nr_found_off) = (Atomic::new(0u64), Atomic::new(0), Atomic::new(0));
    let note = |kind: Kind, flags: u64| {
        nr_nmis.add(1, Relaxed);
        nr_in_nmi.add(u64::from(kind == Kind::Nmi), Relaxed);
        nr_found_off.add(u64::from(flags & Registers::IF == 0), Relaxed);
    };
    // Of the maskable ones, those that waited in the local APIC, and those that came all the same.
    let (mut nr_waiting, mut nr_early) = (0, 0);
    for _ in 0..COUNT {
        let before = maskable.count();
        {
            let _off = local_interrupt_disable();
            maskable.queue();
            nr_waiting += u64::from(waiting::arrives(lapic::IRQ_WORK_VECTOR));
            if !trial.is_control() {
                let sent = sender.call_here(&|interrupted| {
                    note(Snapshot::take().kind(), interrupted.registers.flags);
                });
                if sent == Err(ETIMEDOUT) && nr_nmis.load(Relaxed) == 0 {
                    skip!("this machine cannot send itself an NMI: none came in 2 s");
                }
                sent?;
            }
            nr_early += maskable.count() - before;
        }
        trial.come("a maskable interrupt", || maskable.count() > before)?;
    }
    let [nr_nmis, nr_in_nmi, nr_found_off] =
        [nr_nmis, nr_in_nmi, nr_found_off].map(|count| count.load(Relaxed));
    let nr_came = trial.pick(nr_nmis, nr_early);
    evidence.check(
        nr_came == COUNT,
        fmt!(
            "of {COUNT} {}, sent to this CPU with interrupts off, {nr_came} came before they were on again",
            trial.pick("NMIs", "maskable interrupts")
        ),
    )?;
    if trial.is_control() {
        return evidence.holds();
    }
    evidence.check(
        nr_found_off == COUNT && nr_in_nmi == COUNT,
        fmt!("{nr_in_nmi} counted as NMIs; {nr_found_off} found IF = 0 in what they interrupted"),
    )?;
    if !irq_work::has_interrupt() {
        evidence.note(fmt!("there is no maskable one to compare with"))?;
        return evidence.holds();
    }
    evidence.check(
        nr_waiting == COUNT && nr_early == 0,
        fmt!(
            "of {COUNT} maskable interrupts, each sent before an NMI, {nr_waiting} waited in the local \
             APIC, and {nr_early} came before interrupts were on"
        ),
    )?;
    evidence.holds()
}
