// SPDX-License-Identifier: GPL-2.0

//! Who changes page tables interrupts the other CPUs, to have them invalidate their TLBs.
//!
//! By a call of a function of the kernel, as there is no vector for it any more (IPI-01). A page of
//! the kernel's own memory is unmapped, which all CPUs have to forget. A page of a process interrupts
//! only the CPUs that run it: that takes a process with threads, `user_part IPI-08`, which is watched.

use crate::{
    claim::{
        prelude::*,
        skip,
        user_part, //
    },
    hold::{
        attempt,
        spin_until, //
    },
};
use irqlab::{
    context::{
        Kind,
        Snapshot,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId,
        PerCpu,
        Set, //
    },
    symbol::Name,
    tlb,
    tracepoint::{
        Attached,
        CsdFunctionEntry,
        CsdQueueCpu,
        Observer, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "it is sent to all the CPU but the sender forcing them to invalidate the TLB, the handler is invalidate_interrupt().",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "as calls of a function, since 3.6 (2012); for a process's memory only to the CPUs that run a thread of it now, for a page of the kernel's own to all others, idle or not; and to none where the CPUs have the instruction INVLPGB (since 6.15, 2025)",
    functions: "flush_tlb_kernel_range(), flush_tlb_mm_range(), flush_tlb_func()",
    control: "the page stays mapped",
    next: "grep -e TLB -e CAL /proc/interrupts; echo IPI-08 > claims; grep -e TLB -e CAL /proc/interrupts",
}

/// How long the process is watched.
const PATIENCE_MS: u32 = 100;

/// How often the other CPUs have to be missed: somebody else may flush what has just been unmapped.
const NR_MISSED: u32 = 3;

/// Who calls others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// The thread that unmaps a page of the kernel's.
    Kernel,
    /// A thread of the process.
    Process,
}

impl Sender {
    const ALL: [Sender; 2] = [Sender::Kernel, Sender::Process];
}

/// The last call of each CPU by each of the two: which it is, and the function that it began in a hard
/// IRQ.
struct Calls {
    /// The thread that unmaps, while it does; 0 otherwise.
    thread: Atomic<i32>,
    queued: [PerCpu<Atomic<usize>>; Sender::ALL.len()],
    functions: [PerCpu<Atomic<usize>>; Sender::ALL.len()],
}

impl Calls {
    fn new() -> Result<Self> {
        let none = || PerCpu::new(|| Ok(Atomic::new(0)));
        Ok(Self {
            thread: Atomic::new(0),
            queued: [none()?, none()?],
            functions: [none()?, none()?],
        })
    }

    /// As new.
    fn forget(&self) {
        for none in Iterator::chain(self.queued.iter(), &self.functions) {
            none.iter().for_each(|word| word.store(0, Relaxed));
        }
    }

    /// The name of the function that `cpu` was interrupted for, if that invalidates TLBs.
    fn flush_on(&self, cpu: CpuId, sender: Sender) -> Option<Name> {
        let function = self.functions[sender as usize].of(cpu).load(Acquire);
        Some(Name::of(function)).filter(|name| name.function().contains("flush"))
    }
}

impl Observer<CsdQueueCpu> for Calls {
    fn observe(&self, event: &CsdQueueCpu, _context: &Unsleeping) {
        let now = Snapshot::take();
        let sender = if now.kind() != Kind::Task {
            return;
        } else if now.pid == self.thread.load(Relaxed) {
            Sender::Kernel
        } else if now.comm() == user_part::NAME {
            Sender::Process
        } else {
            return;
        };
        self.queued[sender as usize]
            .of(event.cpu)
            .store(event.csd, Release);
    }
}

impl Observer<CsdFunctionEntry> for Calls {
    fn observe(&self, event: &CsdFunctionEntry, _context: &Unsleeping) {
        let now = Snapshot::take();
        if event.csd == 0 || now.kind() != Kind::HardIrq {
            return;
        }
        for sender in Sender::ALL {
            // A CPU that runs another process has nothing of this one's.
            let is_for_it = sender == Sender::Kernel || now.comm() == user_part::NAME;
            // Once: others that call from the same CPU use the same memory for it.
            let queued = self.queued[sender as usize].local();
            if is_for_it && queued.cmpxchg(event.csd, 0, Full).is_ok() {
                self.functions[sender as usize]
                    .local()
                    .store(event.function, Release);
            }
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [_, _] = trial.cpus()?;
    if tlb::is_broadcast() {
        skip!("the CPUs tell each other by an instruction (INVLPGB)");
    }
    let mut attached = Attached::new(Arc::new(Calls::new()?, GFP_KERNEL)?);
    attached.to::<CsdQueueCpu>()?;
    attached.to::<CsdFunctionEntry>()?;
    let calls = attached.observer();
    for _ in 0..NR_MISSED {
        attempt(|| {
            calls.forget();
            unmap(trial, calls)
        })?;
        if trial.is_control() || reached(calls)?.len() + 1 == cpu::online().count() {
            break;
        }
    }
    of_the_kernel(trial, calls, evidence)?;
    if !trial.is_control() {
        of_the_process(trial, calls, evidence)?;
    }
    evidence.holds()
}

/// Unmaps a page of the kernel's while all other CPUs are busy. Nothing if they were not until the
/// end.
fn unmap(trial: &Trial<'_>, calls: &Calls) -> Answer<Option<()>> {
    let sender = CpuId::current();
    let (nr_ready, nr_busy) = (Atomic::new(0), Atomic::new(0));
    let (is_unmapped, is_over) = (Atomic::new(false), Atomic::new(false));
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
        if !is_control {
            calls.thread.store(Snapshot::take().pid, Relaxed);
            is_unmapped.store(tlb::map_and_unmap(here.task).is_ok(), Relaxed);
            tlb::forget_unmapped(here.task);
            calls.thread.store(0, Relaxed);
        }
        is_over.store(true, Release);
    })?;
    let is_done = is_control || is_unmapped.load(Relaxed);
    Ok((is_done && nr_busy.load(Relaxed) == nr_others).then_some(()))
}

/// The CPUs that were interrupted to flush a page of the kernel's.
fn reached(calls: &Calls) -> Result<Set> {
    Set::of(cpu::online().filter(|cpu| calls.flush_on(*cpu, Sender::Kernel).is_some()))
}

fn of_the_kernel(trial: &Trial<'_>, calls: &Calls, evidence: &mut Evidence) -> Result {
    let reached = reached(calls)?;
    let nr_others = cpu::online().count() - 1;
    evidence.check(
        reached.len() == nr_others,
        fmt!(
            "a page of the kernel's {}: {} of {} other CPUs were interrupted to flush",
            trial.pick("was unmapped", "stayed mapped"),
            reached.len(),
            nr_others
        ),
    )?;
    let first = reached.iter().next();
    if let Some((cpu, name)) = first.zip(first.and_then(|cpu| calls.flush_on(cpu, Sender::Kernel)))
    {
        let cpu = cpu.as_u32();
        evidence.note(fmt!("CPU {cpu} to call {}()", name.function()))?;
    }
    Ok(())
}

/// Only a note: the process may not be there, or its threads may not have met.
fn of_the_process(trial: &Trial<'_>, calls: &Calls, evidence: &mut Evidence) -> Result {
    let flush = || {
        let mut cpus = cpu::online();
        cpus.find_map(|cpu| Some((cpu, calls.flush_on(cpu, Sender::Process)?)))
    };
    if !trial.eventually(PATIENCE_MS, || flush().is_some()) {
        return evidence.note(fmt!(
            "{}",
            user_part::missing("IPI-08", fmt!("no process with threads unmapped a page"))
        ));
    }
    let Some((cpu, name)) = flush() else {
        return Ok(());
    };
    evidence.note(fmt!(
        "a process unmapped a page: CPU {}, which ran another thread of it, was interrupted to call \
         {}()",
        cpu.as_u32(),
        name.function()
    ))
}
