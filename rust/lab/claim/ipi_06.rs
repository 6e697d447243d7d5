// SPDX-License-Identifier: GPL-2.0

//! IPI-06: a call to oneself is made inline, without an interrupt; IRQ work is one.
//!
//! With interrupts off no count can change but by what happens here.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    hold::spin_until,
    refusal::Answer,
    traffic::{
        Seen,
        Traffic, //
    },
};
use irqlab::{
    context::{
        HardIrq,
        IrqsOff, //
    },
    cpu::{
        self,
        CpuId, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
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
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
};

pub(super) const CLAIM: Claim = Claim {
    id: "IPI-06",
    text: "a call to oneself is made inline, without an interrupt; IRQ work interrupts",
    control: "IRQ work in place of the call",
    run,
};

const COUNT: u32 = 20;

/// What is called: it counts, and how often it does so in a hard IRQ.
struct Mark {
    runs: Atomic<u32>,
    interrupts: Atomic<u32>,
}

impl Mark {
    const fn new() -> Self {
        Self {
            runs: Atomic::new(0),
            interrupts: Atomic::new(0),
        }
    }

    fn note(&self, is_interrupt: bool) {
        self.interrupts.add(u32::from(is_interrupt), Relaxed);
        self.runs.fetch_add(1, Release);
    }

    fn runs(&self) -> u32 {
        self.runs.load(Acquire)
    }
}

impl smp::Handler for Mark {
    fn run(this: &Csd<Self>, off: &IrqsOff) {
        this.note(off.hard_irq().is_some());
    }
}

impl irq_work::Handler for Mark {
    type When = Now;

    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        this.note(true);
    }
}

/// What happened before interrupts were on again, over all times.
struct Inline {
    made: Atomic<u32>,
    sent: Atomic<u64>,
    counted: Atomic<u32>,
    waits: Atomic<u32>,
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
    fn during(&self, counter: Counter, traffic: &Traffic, mark: &Mark, f: impl FnOnce()) {
        let _off = local_interrupt_disable();
        let cpu = CpuId::current();
        let (made, counted) = (mark.runs(), counter.on(cpu));
        let sent = traffic.on(cpu, Seen::Sent);
        f();
        self.made.add(mark.runs() - made, Relaxed);
        self.sent.add(traffic.on(cpu, Seen::Sent) - sent, Relaxed);
        self.counted
            .add(counter.on(cpu).wrapping_sub(counted), Relaxed);
        let waits = lapic::is_requested(lapic::IRQ_WORK_VECTOR);
        self.waits.add(u32::from(waits), Relaxed);
    }
}

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let cpu = CpuId::current();
    let traffic = Traffic::to(cpu, &[Seen::Sent])?;
    let traffic = traffic.observer();
    let waited = Mark::new();
    let call = KBox::pin_init(Csd::new(Ok(Mark::new())), GFP_KERNEL)?;
    let work = KBox::pin_init(IrqWork::new(Ok(Mark::new())), GFP_KERNEL)?;
    let (to_self, by_work) = (Inline::new(), Inline::new());
    let is_control = trial.is_control();
    let interrupts = Counter::IrqWork.on(cpu);
    cpu::run_on(
        &trial.lab.workers,
        core::iter::once(cpu),
        trial.task,
        |here| {
            for number in 0..COUNT {
                let _ = smp::call_on(cpu, here.task, |off| {
                    waited.note(off.hard_irq().is_some());
                });
                if !is_control {
                    to_self.during(Counter::CallFunction, traffic, &call, || {
                        let _ = call.call_on(cpu);
                    });
                }
                by_work.during(Counter::IrqWork, traffic, &work, || {
                    work.queue();
                });
                spin_until(|| work.runs() > number);
            }
        },
    )?;
    let interrupts = Counter::IrqWork.on(cpu).wrapping_sub(interrupts);
    let (inline, mark) = if is_control {
        (&by_work, &**work)
    } else {
        (&to_self, &**call)
    };
    let get = |count: &Atomic<u32>| count.load(Relaxed);
    judge!(
        waited.runs() == COUNT
            && get(&waited.interrupts) == 0
            && get(&inline.made) == COUNT
            && get(&mark.interrupts) == 0
            && inline.sent.load(Relaxed) == 0
            && get(&inline.counted) == 0
            && get(&by_work.made) == 0
            && get(&by_work.waits) == COUNT
            && by_work.sent.load(Relaxed) == u64::from(COUNT)
            && work.runs() == COUNT
            && get(&work.interrupts) == COUNT
            && interrupts >= COUNT,
        "CPU {}, {} calls to itself with interrupts off: {} made by then, {} in an interrupt, {} sent, {} \
         counted; {} that it waits for: {} made, {} in an interrupt; IRQ work {} times: {} done by then, \
         {} sent, {} waiting in the local APIC, {} done in an interrupt later, {} counted",
        cpu.as_u32(),
        COUNT,
        get(&inline.made),
        get(&mark.interrupts),
        inline.sent.load(Relaxed),
        get(&inline.counted),
        COUNT,
        waited.runs(),
        get(&waited.interrupts),
        COUNT,
        get(&by_work.made),
        by_work.sent.load(Relaxed),
        get(&by_work.waits),
        get(&work.interrupts),
        interrupts
    )
}
