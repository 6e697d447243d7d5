// SPDX-License-Identifier: GPL-2.0

//! An NMI ignores IF.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    refusal::Answer,
    runs::Runs, //
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
    prelude::*,
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
    control: "a maskable interrupt instead",
    next: "echo guard nmi > fixup/access; cat fixup/steps",
}

const COUNT: u64 = 20;

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let (ran, found_off) = (Atomic::new(0u64), Atomic::new(0u64));
    if trial.is_control() {
        let work = KBox::pin_init(IrqWork::new(Ok(Runs::new())), GFP_KERNEL)?;
        for _ in 0..COUNT {
            let _guard = local_interrupt_disable();
            let before = work.count();
            work.queue();
            clock::spin_ns(10_000);
            let after = work.count();
            ran.add(after - before, Relaxed);
            found_off.add(after - before, Relaxed);
        }
    } else {
        let sender = Sender::new(trial.task)?;
        for _ in 0..COUNT {
            sender.call_here(&|interrupted| {
                let is_nmi = Snapshot::take().kind() == Kind::Nmi;
                let is_off = interrupted.registers.flags & Registers::IF == 0;
                ran.add(u64::from(is_nmi), Relaxed);
                found_off.add(u64::from(is_off), Relaxed);
            })?;
        }
    }
    let (ran, found_off) = (ran.load(Relaxed), found_off.load(Relaxed));
    judge!(
        ran == COUNT && found_off == COUNT,
        "sent to this CPU {} times with interrupts off: ran {} times before they were on again, and \
         found IF = 0 in {} of the interrupted contexts",
        COUNT,
        ran,
        found_off
    )
}
