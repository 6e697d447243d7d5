// SPDX-License-Identifier: GPL-2.0

//! A call to oneself is made inline, without an interrupt; IRQ work is one.
//!
//! With interrupts off no count can change but by what happens here.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    hold::spin_until,
    refusal::Answer,
    runs::Runs,
    traffic::{
        Seen,
        Traffic, //
    },
};
use irqlab::{
    cpu::{
        self,
        CpuId, //
    },
    irq_work::IrqWork,
    lapic,
    smp::{
        self,
        Counter,
        Csd, //
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
struct Inline {
    made: Atomic<u64>,
    sent: Atomic<u64>,
    counted: Atomic<u64>,
    waits: Atomic<u64>,
}

impl Inline {
    const fn new() -> Self {
        Self {
            made: Atomic::new(0),
            sent: Atomic::new(0),
            counted: Atomic::new(0),
            waits: Atomic::new(0),
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
        let waits = lapic::is_requested(lapic::IRQ_WORK_VECTOR);
        self.waits.add(u64::from(waits), Relaxed);
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let cpu = CpuId::current();
    let traffic = Traffic::to(cpu, &[Seen::Sent])?;
    let traffic = traffic.observer();
    let waited = Runs::new();
    let call = KBox::pin_init(Csd::new(Ok(Runs::new())), GFP_KERNEL)?;
    let work = KBox::pin_init(IrqWork::new(Ok(Runs::new())), GFP_KERNEL)?;
    let (to_self, by_work) = (Inline::new(), Inline::new());
    let is_control = trial.is_control();
    let interrupts = Counter::IrqWork.on(cpu);
    cpu::run_on(
        &trial.lab.workers,
        core::iter::once(cpu),
        trial.task,
        |here| {
            for number in 0..COUNT {
                let _ = smp::call_on(cpu, here.task, |off| waited.call(off));
                if !is_control {
                    to_self.during(Counter::CallFunction, traffic, &call, || {
                        let _ = call.call_on(cpu);
                    });
                }
                by_work.during(Counter::IrqWork, traffic, &work, || {
                    work.queue();
                });
                spin_until(|| work.count() > number);
            }
        },
    )?;
    let interrupts = Counter::IrqWork.on(cpu).wrapping_sub(interrupts);
    let (inline, runs) = if is_control {
        (&by_work, &**work)
    } else {
        (&to_self, &**call)
    };
    let get = |count: &Atomic<u64>| count.load(Relaxed);
    judge!(
        waited.count() == COUNT
            && waited.in_hardirq() == 0
            && get(&inline.made) == COUNT
            && runs.in_hardirq() == 0
            && get(&inline.sent) == 0
            && get(&inline.counted) == 0
            && get(&by_work.made) == 0
            && get(&by_work.waits) == COUNT
            && get(&by_work.sent) == COUNT
            && work.count() == COUNT
            && work.in_hardirq() == COUNT
            && u64::from(interrupts) >= COUNT,
        "CPU {}, {} calls to itself with interrupts off: {} made by then, {} in an interrupt, {} sent, {} \
         counted; {} that it waits for: {} made, {} in an interrupt; IRQ work {} times: {} done by then, \
         {} sent, {} waiting in the local APIC, {} done in an interrupt later, {} counted",
        cpu.as_u32(),
        COUNT,
        get(&inline.made),
        runs.in_hardirq(),
        get(&inline.sent),
        get(&inline.counted),
        COUNT,
        waited.count(),
        waited.in_hardirq(),
        COUNT,
        get(&by_work.made),
        get(&by_work.sent),
        get(&by_work.waits),
        work.in_hardirq(),
        interrupts
    )
}
