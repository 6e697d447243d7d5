// SPDX-License-Identifier: GPL-2.0

//! Who changes page tables interrupts the other CPUs, to have them invalidate their TLBs.
//!
//! By a call of a function of the kernel, as there is no vector for it any more
//! (IPI-01). Here it is the kernel's own memory: a page is unmapped, and all
//! CPUs are to forget it. That of a process interrupts only the CPUs that run it, which
//! takes one with threads: selftests/tlb_shootdown.

use crate::claim::{
    claim,
    judge,
    skip,
    Finding,
    Trial, //
};
use crate::{
    hold::{
        attempt,
        spin_until, //
    },
    refusal::Answer,
};
use irqlab::{
    context::Unsleeping,
    cpu::{
        self,
        CpuId,
        PerCpu, //
    },
    emit,
    smp::Counter,
    symbol::Name,
    text::Text,
    tlb,
    tracepoint::{
        Attached,
        CallFunctionEntry,
        CallFunctionSingleEntry,
        CsdFunctionEntry,
        Observer, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

claim! {
    quote: "it is sent to all the CPU but the sender forcing them to invalidate the TLB, the handler is invalidate_interrupt().",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "as calls of a function, since 3.6 (2012); for a process's memory only to the CPUs that run it, and to none where the CPUs have the instruction INVLPGB (since 6.15, 2025)",
    functions: "flush_tlb_kernel_range(), flush_tlb_mm_range(), flush_tlb_func()",
    control: "the page stays mapped",
    next: "grep -e TLB -e CAL /proc/interrupts, before and after",
}

/// What each CPU was interrupted for.
struct Calls {
    is_on: Atomic<bool>,
    interrupts: PerCpu<Atomic<u64>>,
    /// The function that it was called to run, in an interrupt.
    functions: PerCpu<[Atomic<usize>; Self::NR]>,
    nr: PerCpu<Atomic<usize>>,
}

impl Calls {
    /// More than a CPU is called to run in such a short time.
    const NR: usize = 16;

    fn note_interrupt(&self) {
        if self.is_on.load(Acquire) {
            self.interrupts.local().add(1, Relaxed);
        }
    }

    /// The first function that was called on `cpu` and has to do with TLBs.
    fn flush_on(&self, cpu: CpuId) -> Option<Name> {
        let is_flush = |name: &Name| name.function().contains("flush");
        let functions = self.functions.of(cpu).iter();
        let mut names = functions.map(|function| Name::of(function.load(Relaxed)));
        names.find(is_flush)
    }
}

impl Observer<CallFunctionEntry> for Calls {
    fn observe(&self, _event: &CallFunctionEntry, _context: &Unsleeping) {
        self.note_interrupt();
    }
}

impl Observer<CallFunctionSingleEntry> for Calls {
    fn observe(&self, _event: &CallFunctionSingleEntry, _context: &Unsleeping) {
        self.note_interrupt();
    }
}

impl Observer<CsdFunctionEntry> for Calls {
    fn observe(&self, event: &CsdFunctionEntry, _context: &Unsleeping) {
        // Of the CPU itself it is no interrupt.
        if event.csd == 0 || !self.is_on.load(Acquire) {
            return;
        }
        let place = self.nr.local().fetch_add(1, Full);
        if let Some(function) = self.functions.local().get(place) {
            function.store(event.function, Relaxed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    if cpu::online().count() < 2 {
        skip!("one CPU");
    }
    if tlb::is_broadcast() {
        skip!("the CPUs tell each other by an instruction (INVLPGB)");
    }
    attempt(|| try_one(trial))
}

/// What came of one page, unless CPUs were not busy until the end.
fn try_one(trial: &Trial<'_>) -> Answer<Option<Finding>> {
    let calls = Calls {
        is_on: Atomic::new(false),
        interrupts: PerCpu::new(|| Ok(Atomic::new(0)))?,
        functions: PerCpu::new(|| Ok([const { Atomic::new(0) }; Calls::NR]))?,
        nr: PerCpu::new(|| Ok(Atomic::new(0)))?,
    };
    let mut attached = Attached::new(Arc::new(calls, GFP_KERNEL)?);
    attached.to::<CallFunctionEntry>()?;
    attached.to::<CallFunctionSingleEntry>()?;
    attached.to::<CsdFunctionEntry>()?;
    let calls = attached.observer();

    let sender = CpuId::current();
    let counted: PerCpu<Atomic<u32>> = PerCpu::new(|| Ok(Atomic::new(0)))?;
    let (nr_ready, nr_busy) = (Atomic::new(0), Atomic::new(0));
    let (is_over, is_done) = (Atomic::new(false), Atomic::new(false));
    let nr_others = cpu::online().count() - 1;
    let is_control = trial.is_control();
    cpu::run_on(&trial.lab.workers, cpu::online(), trial.task, |here| {
        if here.cpu != sender {
            // Busy, so that it takes an interrupt to reach it.
            nr_ready.fetch_add(1, Full);
            if spin_until(|| is_over.load(Acquire)) {
                nr_busy.add(1, Relaxed);
            }
            return;
        }
        // What others have unmapped before is not to be taken for what is unmapped now.
        tlb::forget_unmapped(here.task);
        spin_until(|| nr_ready.load(Acquire) == nr_others);
        for cpu in cpu::online() {
            counted
                .of(cpu)
                .store(Counter::CallFunction.on(cpu), Relaxed);
        }
        calls.is_on.store(true, Release);
        let is_unmapped = is_control || tlb::map_and_unmap(here.task).is_ok();
        tlb::forget_unmapped(here.task);
        calls.is_on.store(false, Release);
        for cpu in cpu::online() {
            let before = counted.of(cpu).load(Relaxed);
            let grown = Counter::CallFunction.on(cpu).wrapping_sub(before);
            counted.of(cpu).store(grown, Relaxed);
        }
        is_done.store(is_unmapped, Relaxed);
        is_over.store(true, Release);
    })?;

    if nr_busy.load(Relaxed) != nr_others {
        return Ok(None);
    }
    let mut evidence = Text::new();
    let mut reached = 0;
    for cpu in cpu::online().filter(|cpu| *cpu != sender) {
        let flush = calls.flush_on(cpu);
        let interrupts = calls.interrupts.of(cpu).load(Relaxed);
        let counted = counted.of(cpu).load(Relaxed);
        reached += usize::from(flush.is_some() && interrupts > 0 && counted > 0);
        emit!(
            &mut evidence,
            ", CPU {}: {} in {} interrupts, {} counted",
            cpu.as_u32(),
            flush.as_ref().map_or("nothing flushed", Name::function),
            interrupts,
            counted
        )?;
    }
    judge!(
        is_done.load(Relaxed) && reached == nr_others,
        "CPU {} {}: {} of {} other CPUs were interrupted to flush{}",
        sender.as_u32(),
        if is_control {
            "unmapped nothing"
        } else {
            "unmapped a page"
        },
        reached,
        nr_others,
        evidence
    )
    .map(Some)
}
