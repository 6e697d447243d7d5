// SPDX-License-Identifier: GPL-2.0

//! A maskable interrupt waits while IF is 0, and is not lost.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    runs::Runs,
    waiting,
    watch::{
        watch,
        Event,
        Probes,
        System,
        Watcher, //
    },
};
use irqlab::{
    clock,
    cpu::{
        CpuId,
        PerCpu, //
    },
    interrupt::local_interrupt_disable,
    irq_work::IrqWork,
    lapic,
    tracepoint::{
        Attached,
        IrqWorkEntry, //
    },
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "Maskable Interrupts: When an interrupt is masked is temporarily ignored by the CPU",
    section: "Classification",
    today: "the same",
    functions: "local_irq_disable(), sysvec_irq_work()",
    control: "interrupts stay on",
    next: "echo target=irqs_off hold_us=500 > ipi/matrix; cat ipi/matrix",
}

const COUNT: u64 = 20;
const HELD_NS: u64 = 20_000;

/// How often each CPU took that interrupt, by the kernel's own word.
struct Entries(PerCpu<Atomic<u64>>);

impl Watcher for Entries {
    fn attach(probes: &mut Attached<Probes<Self>>) -> Result {
        probes.to::<IrqWorkEntry>()
    }

    fn see(&self, event: Event) {
        if event == Event::Interrupted(System::IrqWork) {
            self.0.local().add(1, Relaxed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let work = KBox::pin_init(IrqWork::new(Ok(Runs::new())), GFP_KERNEL)?;
    let runs = || work.count();
    let entries = watch(Entries(PerCpu::new(|| Ok(Atomic::new(0)))?))?;
    let entered = |cpu| entries.observer().0.of(cpu).load(Relaxed);
    let (mut inside, mut after, mut seen_inside, mut seen_after) = (0, 0, 0, 0);
    let mut nr_waiting = 0;
    for _ in 0..COUNT {
        let before = runs();
        let (cpu, entered_before, entered_inside);
        {
            let _guard = (!trial.is_control()).then(local_interrupt_disable);
            cpu = CpuId::current();
            entered_before = entered(cpu);
            work.queue();
            nr_waiting += u64::from(waiting::arrives(lapic::IRQ_WORK_VECTOR));
            clock::spin_ns(HELD_NS);
            inside += runs() - before;
            entered_inside = entered(cpu);
        }
        trial.come("an interrupt", || runs() > before)?;
        after += runs() - before;
        seen_inside += u64::from(entered_inside != entered_before);
        seen_after += u64::from(entered(cpu) != entered_inside);
    }
    if after > 0 && seen_inside + seen_after == 0 {
        skip!("this machine has no interrupt for it: the tick did what waited");
    }
    evidence.check(
        nr_waiting == COUNT || trial.is_control(),
        fmt!("{nr_waiting} of {COUNT} interrupts were seen to wait in the local APIC"),
    )?;
    evidence.check(
        inside == 0 && seen_inside == 0,
        fmt!(
            "{COUNT} times an interrupt was sent to this CPU {} us before {}: {inside} were handled by \
             then, {seen_inside} by the kernel's count",
            HELD_NS / 1000,
            trial.pick("interrupts went on again", "this looked, with interrupts on")
        ),
    )?;
    evidence.check(
        after == COUNT && seen_after == COUNT,
        fmt!("{after} in the end, {seen_after} of them later by the kernel's count"),
    )?;
    evidence.holds()
}
