// SPDX-License-Identifier: GPL-2.0

//! The kernel stack is one of exception, hard IRQ and soft IRQ stacks, of 4 KiB, or one of 8 KiB for all.
//!
//! An exception stays on the stack that it finds, unless it is one of those with an entry in the
//! interrupt stack table (IST). Hard and soft IRQs share the CPU's IRQ stack; on PREEMPT_RT soft IRQs
//! stay on that of the task that serves them.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    stacks,
};
use irqlab::{
    context::{
        stack,
        Kind,
        Stack,
        StackRegion, //
    },
    cpu::CpuId,
    task::OnCpu,
};

claim! {
    quote: "if we declare it as 4KB size three types of stacks will be used (a C union): the exception \
            stack, used for handling exceptions (including system calls). One for each process; the hard \
            IRQ stack, used for handling interrupts. One for each CPU; the soft IRQ stack, used for \
            handling deferrable activities (SoftIRQs and Tasklets). One for each CPU.",
    section: "Multiple Kernel Mode stacks",
    today: "that was 32 bits. On x86-64 a task's stack has 16 KiB since Linux 3.15, a CPU's IRQ stack, \
            which hard and soft IRQs share, 16 KiB, and each of NMI, #DB, #DF, #MC and #VC (of \
            encrypted guests) a stack of its own on each CPU",
    functions: "irq_init_percpu_irqstack(), do_softirq_own_stack(), get_stack_info()",
    control: "runs everything in the task",
    next: "echo measure > stacks; cat stacks",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    /// Sizes that the text knows.
    const SMALL: [usize; 2] = [4096, 8192];

    // Stacks of one CPU are to be compared.
    let _here = OnCpu::new(CpuId::current(), trial.task)?;
    let kinds = Kind::ALL.map(|kind| trial.pick(kind, Kind::Task));
    let found = stacks::find(kinds, trial.task)?;
    let [Some(task), Some(soft), Some(hard), Some(nmi)] = found.each_ref().map(|found| found.stack)
    else {
        skip!("the kernel's unwinder does not know all stacks");
    };
    let is_as_in_text = soft.region == StackRegion::Irq
        && !is_same(&soft, &hard)
        && [task, soft, hard]
            .iter()
            .all(|stack| SMALL.contains(&stack.size()));
    evidence.note(fmt!("task: a stack of {} bytes", task.size()))?;
    if is_as_in_text {
        evidence.note(fmt!("a soft IRQ: another of {} bytes", soft.size()))?;
        evidence.note(fmt!("a hard IRQ: a third of {} bytes", hard.size()))?;
        return evidence.holds();
    }
    evidence.check(
        hard.region == StackRegion::Irq && hard.size() == stack::IRQ_SIZE,
        fmt!(
            "hard IRQ: the {} stack of {} bytes",
            hard.region,
            hard.size()
        ),
    )?;
    let serves_elsewhere = cfg!(CONFIG_PREEMPT_RT) && soft.region == StackRegion::Task;
    evidence.check(
        is_same(&soft, &hard) && hard.region == StackRegion::Irq || serves_elsewhere,
        fmt!(
            "soft IRQ: {}",
            match (is_same(&soft, &hard), soft.region) {
                (true, _) => "the same as the hard IRQ",
                (false, StackRegion::Task) => "that of the task which serves it",
                (false, _) => "another one",
            }
        ),
    )?;
    evidence.check(
        matches!(nmi.region, StackRegion::Ist(_)) && nmi.size() == stack::IST_SIZE,
        fmt!("NMI: the {} stack of {} bytes", nmi.region, nmi.size()),
    )?;
    let on_same = |found: &&stacks::Found| {
        let stacks = found.stack.zip(found.exception);
        stacks.is_some_and(|(own, exception)| is_same(&own, &exception))
    };
    let nr_same = found.iter().filter(on_same).count();
    // On PREEMPT_RT another thread may serve the soft IRQ of the fault.
    evidence.check(
        nr_same == found.len() || serves_elsewhere && nr_same + 1 == found.len(),
        fmt!(
            "a page fault in each: on the same stack in {nr_same} of {}",
            found.len()
        ),
    )?;
    let nr_ist = (1..=7).filter(|n| stack::ist_top(*n).is_some()).count();
    evidence.check(
        nr_ist >= 4,
        fmt!("{nr_ist} stacks of the interrupt stack table on this CPU"),
    )?;
    evidence.outdated()
}

fn is_same(one: &Stack, other: &Stack) -> bool {
    (one.region, one.low) == (other.region, other.low)
}
