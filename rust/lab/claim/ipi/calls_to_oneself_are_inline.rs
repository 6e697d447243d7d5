// SPDX-License-Identifier: GPL-2.0

//! A call to oneself is made inline, without an interrupt; IRQ work is one.
//!
//! With interrupts off no count can change but by what happens here.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    hold::spin_until,
    runs::Runs,
    traffic::{
        Seen,
        Traffic, //
    },
    waiting, //
};
use irqlab::{
    cpu::{
        self,
        CpuId, //
    },
    interrupt::local_interrupt_disable,
    irq_work::{
        self,
        IrqWork, //
    },
    lapic,
    smp::{
        self,
        Counter,
        Csd, //
    },
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "IPIs are interrupts also used to trigger the execution of specific operating system functions on other cores.",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "on the own core the function is called at once, with interrupts off; IRQ work (since 2.6.37, 2011) is what a CPU interrupts itself for",
    functions: "generic_exec_single(), irq_work_queue(), arch_irq_work_raise()",
    control: "IRQ work in place of the call",
    next: "echo kind=irq_work count=100 > ipi/call; cat ipi/call",
}

const COUNT: u64 = 20;

/// What happened before interrupts were on again, over all times.
struct Meanwhile {
    made: Atomic<u64>,
    sent: Atomic<u64>,
    counted: Atomic<u64>,
}

impl Meanwhile {
    const fn new() -> Self {
        Self {
            made: Atomic::new(0),
            sent: Atomic::new(0),
            counted: Atomic::new(0),
        }
    }

    /// Runs `f` with interrupts off and adds up what it has changed.
    fn during(&self, counter: Counter, traffic: &Traffic, runs: &Runs, f: impl FnOnce()) {
        let _off = local_interrupt_disable();
        let cpu = CpuId::current();
        let (made, counted) = (runs.count(), counter.on(cpu));
        let sent = traffic.on(cpu, Seen::Sent);
        f();
        self.made.add(runs.count() - made, Relaxed);
        self.sent.add(traffic.on(cpu, Seen::Sent) - sent, Relaxed);
        let counted = counter.on(cpu).wrapping_sub(counted);
        self.counted.add(u64::from(counted), Relaxed);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if !irq_work::has_interrupt() {
        skip!("without a local APIC IRQ work has no interrupt: it waits for the tick");
    }
    let cpu = CpuId::current();
    let traffic = Traffic::to(cpu, &[Seen::Sent])?;
    let traffic = traffic.observer();
    let waited = Runs::new();
    let call = KBox::pin_init(Csd::new(Ok(Runs::new())), GFP_KERNEL)?;
    let work = KBox::pin_init(IrqWork::new(Ok(Runs::new())), GFP_KERNEL)?;
    let (by_call, by_work) = (Meanwhile::new(), Meanwhile::new());
    let nr_waiting = Atomic::new(0);
    let is_control = trial.is_control();
    let cpus = core::iter::once(cpu);
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        for number in 0..COUNT {
            if is_control {
                // In its place.
                by_call.during(Counter::CallFunction, traffic, &work, || {
                    work.queue();
                });
                spin_until(|| work.count() > number);
                continue;
            }
            let _ = smp::call_on(cpu, here.task, |off| waited.call(off));
            by_call.during(Counter::CallFunction, traffic, &call, || {
                let _ = call.call_on(cpu);
            });
            by_work.during(Counter::IrqWork, traffic, &work, || {
                work.queue();
                let waits = waiting::arrives(lapic::IRQ_WORK_VECTOR);
                nr_waiting.add(u64::from(waits), Relaxed);
            });
            spin_until(|| work.count() > number);
        }
    })?;
    if work.count() < COUNT {
        skip!(
            Missed: "{} of {COUNT} interrupts came",
            work.count()
        );
    }
    let get = |count: &Atomic<u64>| count.load(Relaxed);
    let runs = trial.pick(&**call, &**work);
    evidence.check(
        get(&by_call.made) == COUNT,
        fmt!(
            "CPU {} {} itself {COUNT} times, with interrupts off: {} made by then",
            cpu.as_u32(),
            trial.pick("calls", "queues IRQ work for"),
            get(&by_call.made)
        ),
    )?;
    evidence.check(
        get(&by_call.sent) == 0,
        fmt!("interrupts sent: {}", get(&by_call.sent)),
    )?;
    evidence.check(
        runs.in_hardirq() == 0,
        fmt!("made in an interrupt: {}", runs.in_hardirq()),
    )?;
    if is_control {
        return evidence.holds();
    }
    evidence.check(
        get(&by_call.counted) == 0,
        fmt!("calls counted by the kernel: {}", get(&by_call.counted)),
    )?;
    evidence.check(
        (waited.count(), waited.in_hardirq()) == (COUNT, 0),
        fmt!(
            "of {COUNT} that it waits for, with interrupts on, {} were made, {} in an interrupt",
            waited.count(),
            waited.in_hardirq()
        ),
    )?;
    evidence.check(
        (get(&by_work.made), get(&by_work.sent)) == (0, COUNT),
        fmt!(
            "IRQ work {COUNT} times, with interrupts off: {} done by then, {} interrupts sent",
            get(&by_work.made),
            get(&by_work.sent)
        ),
    )?;
    evidence.check(
        get(&nr_waiting) == COUNT,
        fmt!("{} waited in the local APIC", get(&nr_waiting)),
    )?;
    evidence.check(
        work.in_hardirq() == COUNT,
        fmt!("{} done in an interrupt later", work.in_hardirq()),
    )?;
    evidence.holds()
}
