// SPDX-License-Identifier: GPL-2.0

//! EXC-05: a maskable interrupt waits while IF is 0, and is not lost.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    refusal::Answer,
    watch::{
        Event,
        System, //
    },
    witness::Witness, //
};
use irqlab::{
    clock,
    context::HardIrq,
    cpu::CpuId,
    irq_work::{
        Handler,
        IrqWork,
        Now, //
    },
};
use kernel::{
    interrupt::local_interrupt_disable,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

pub(super) const CLAIM: Claim = Claim {
    id: "EXC-05",
    text: "a maskable interrupt waits while IF is 0, and is not lost",
    control: "interrupts stay on",
    run,
};

const COUNT: u64 = 20;

struct Counter(Atomic<u64>);

impl Handler for Counter {
    type When = Now;

    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        this.0.add(1, Relaxed);
    }
}

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    const HELD_NS: u64 = 20_000;

    let work = KBox::pin_init(IrqWork::new(Ok(Counter(Atomic::new(0)))), GFP_KERNEL)?;
    let runs = || work.0.load(Relaxed);
    let witness = Witness::new()?;
    let (mut inside, mut after, mut seen_inside, mut seen_after) = (0, 0, 0, 0);
    for _ in 0..COUNT {
        let before = runs();
        let (cpu, from_ns, to_ns);
        {
            let _guard = (!trial.is_control()).then(local_interrupt_disable);
            cpu = CpuId::current();
            from_ns = clock::now_ns();
            work.queue();
            clock::spin_ns(HELD_NS);
            inside += runs() - before;
            to_ns = clock::now_ns();
        }
        trial.eventually(2000, || runs() > before);
        after += runs() - before;
        // The kernel's own word: the entries of the interrupt on that CPU.
        let testimony = witness.testimony()?;
        let is_it = |event: &Event| *event == Event::Interrupted(System::IrqWork);
        let mut entries = testimony
            .on(cpu, from_ns)
            .filter(|noted| is_it(&noted.event));
        seen_inside += u64::from(entries.clone().any(|noted| noted.at.stamp_ns < to_ns));
        seen_after += u64::from(entries.any(|noted| noted.at.stamp_ns >= to_ns));
    }
    judge!(
        inside == 0 && after == COUNT && seen_inside == 0 && seen_after == COUNT,
        "{} interrupts, each sent to this CPU {} us before interrupts went on again: {} handled by then \
         ({} seen by the kernel's tracepoint), {} in the end ({})",
        COUNT,
        HELD_NS / 1000,
        inside,
        seen_inside,
        after,
        seen_after
    )
}
