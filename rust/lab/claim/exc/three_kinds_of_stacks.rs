// SPDX-License-Identifier: GPL-2.0

//! The kernel stack is one of exception, hard IRQ and soft IRQ stacks, of 4 or
//! 8 KiB.
//!
//! An exception stays on the stack that it finds, unless it is one of those with an entry
//! in the interrupt stack table. Hard and soft IRQs share the CPU's IRQ stack; on
//! PREEMPT_RT soft IRQs stay on that of the task that serves them.

use crate::claim::{
    claim,
    found,
    Finding,
    Trial,
    Verdict, //
};
use crate::{
    refusal::Answer,
    stacks, //
};
use irqlab::{
    context::{
        stack,
        Kind,
        Stack,
        StackRegion, //
    },
    emit,
    text::Text,
};
use kernel::prelude::*;

claim! {
    quote: "if we declare it as 4KB size three types of stacks will be used: the exception stack, one for each process; the hard IRQ stack, one for each CPU; the soft IRQ stack, one for each CPU",
    section: "Multiple Kernel Mode stacks",
    today: "x86-64 always has separate stacks: one of 16 KiB for each task, since 3.15, and on each CPU one of 16 KiB for hard and soft IRQs, and one for each of NMI, #DB, #DF and #MC",
    functions: "irq_init_percpu_irqstack(), run_irq_on_irqstack_cond(), get_stack_info()",
    control: "everything runs in the task",
    next: "cat stacks",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let kinds = Kind::ALL.map(|kind| if trial.is_control() { Kind::Task } else { kind });
    let found_stacks = stacks::find(kinds, trial.task)?;
    let mut evidence = Text::new();
    let mut is_known = true;
    for (kind, found) in Kind::ALL.iter().zip(&found_stacks) {
        let (Some(own), Some(exception)) = (found.stack, found.exception) else {
            is_known = false;
            continue;
        };
        // Each CPU has one of the others, and each task that serves a soft IRQ.
        is_known &= is_same(&own, &exception) || *kind != Kind::Task;
        is_known &= match (kind, own.region) {
            (Kind::Task, StackRegion::Task) => own.size() == stack::TASK_SIZE,
            (Kind::SoftIrq, StackRegion::Task) => cfg!(CONFIG_PREEMPT_RT),
            (Kind::SoftIrq | Kind::HardIrq, StackRegion::Irq) => own.size() == stack::IRQ_SIZE,
            (Kind::Nmi, StackRegion::Ist(_)) => own.size() == stack::IST_SIZE,
            _ => false,
        };
        evidence.separate("; ")?;
        emit!(
            &mut evidence,
            "{}: {} stack of {} bytes, #PF on {}",
            kind,
            own.region,
            own.size(),
            if is_same(&own, &exception) {
                "the same"
            } else {
                "another of that kind"
            }
        )?;
    }
    let nr_ist = (1..=7).filter(|n| stack::ist_top(*n).is_some()).count();
    let verdict = if is_known && nr_ist >= 4 {
        Verdict::Outdated
    } else {
        Verdict::Fails
    };
    found(
        verdict,
        fmt!("{}; {} IST stacks on each CPU", evidence, nr_ist),
    )
}

fn is_same(one: &Stack, other: &Stack) -> bool {
    (one.region, one.low) == (other.region, other.low)
}
