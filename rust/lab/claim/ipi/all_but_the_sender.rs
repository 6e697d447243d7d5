// SPDX-License-Identifier: GPL-2.0

//! smp_call_function() calls a function on all CPUs but the sender; on_each_cpu() there, too.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    context::{
        IrqsOff,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId,
        Here,
        PerCpu,
        Set, //
    },
    smp,
    tracepoint::{
        Attached,
        CsdFunctionEntry,
        Observer, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "it is sent to all CPUs but the sender forcing that CPU to run a function passed by the sender. […] This is interrupt is usually triggered by the function smp_call_function();",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "as the text says; on_each_cpu() calls the function on the sender's own CPU too, without an interrupt",
    functions: "smp_call_function(), smp_call_function_many_cond(), on_each_cpu_cond_mask()",
    control: "on_each_cpu() in place of smp_call_function()",
    next: "echo kind=each count=100 from=0 > ipi/call; cat ipi/call",
}

/// How many calls the kernel has begun on each CPU.
struct Begun(PerCpu<Atomic<u64>>);

impl Observer<CsdFunctionEntry> for Begun {
    fn observe(&self, _event: &CsdFunctionEntry, _context: &Unsleeping) {
        self.0.local().add(1, Relaxed);
    }
}

/// Where a call was made.
struct Made {
    /// The CPUs on which it was, once each.
    once: Set,
    total: u32,
    /// On how many of them the kernel's tracepoint told that a call began.
    told: usize,
}

impl Made {
    fn is_on(&self, cpus: &Set) -> bool {
        is_same(&self.once, cpus) && self.total as usize == cpus.len() && self.told == cpus.len()
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [_, _] = trial.cpus()?;
    let cpus = Set::online()?;
    let sender = CpuId::current();
    let mut others = Set::online()?;
    others.remove(sender);

    let is_control = trial.is_control();
    let to_others = made(trial, sender, |here, f| {
        if is_control {
            smp::call_each(here.task, f);
        } else {
            smp::call_others(here.task, f);
        }
    })?;
    let to_each = made(trial, sender, |here, f| smp::call_each(here.task, f))?;
    if !is_same(&cpus, &Set::online()?) {
        skip!("a CPU has gone offline, or come online");
    }
    evidence.note(fmt!("CPU {} of CPUs {} sends", sender.as_u32(), cpus))?;
    for (function, made, wanted) in [
        (
            trial.pick("smp_call_function()", "on_each_cpu()"),
            to_others,
            others,
        ),
        ("on_each_cpu()", to_each, cpus),
    ] {
        evidence.check(
            made.is_on(&wanted),
            fmt!(
                "{} ran on CPUs {}, {} times, {} told by the kernel",
                function,
                made.once,
                made.total,
                made.told
            ),
        )?;
    }
    evidence.holds()
}

fn is_same(a: &Set, b: &Set) -> bool {
    a.iter().eq(b.iter())
}

/// What `call` does from `sender` with a function that notes where it runs.
fn made(
    trial: &Trial<'_>,
    sender: CpuId,
    call: impl Fn(&Here<'_>, &(dyn Fn(&IrqsOff) + Sync)) + Sync,
) -> Answer<Made> {
    let runs = PerCpu::new(|| Ok(Atomic::new(0)))?;
    let was_told = PerCpu::new(|| Ok(Atomic::new(false)))?;
    let begun = Begun(PerCpu::new(|| Ok(Atomic::new(0)))?);
    let mut attached = Attached::new(Arc::new(begun, GFP_KERNEL)?);
    attached.to::<CsdFunctionEntry>()?;
    let begun = attached.observer();
    cpu::run_on(
        &trial.lab.workers,
        core::iter::once(sender),
        trial.task,
        |here| {
            call(here, &|off| {
                runs.of(off.cpu()).add(1, Relaxed);
                // This call is one of those that have begun here.
                let is_told = begun.0.local().load(Relaxed) > 0;
                was_told.of(off.cpu()).store(is_told, Relaxed);
            });
        },
    )?;
    let mut made = Made {
        once: Set::new()?,
        total: 0,
        told: 0,
    };
    for cpu in cpu::online() {
        let count = runs.of(cpu).load(Relaxed);
        made.total += count;
        made.told += usize::from(was_told.of(cpu).load(Relaxed));
        if count == 1 {
            made.once.insert(cpu);
        }
    }
    Ok(made)
}
