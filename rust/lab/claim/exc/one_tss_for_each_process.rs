// SPDX-License-Identifier: GPL-2.0

//! TR points at the TSS of the running process.
//!
//! TR (the task register) has the place of the task state segment (TSS) in the table of segments. Each
//! CPU has one, whatever task it runs.

use crate::claim::prelude::*;
use irqlab::{
    cpu::{
        self,
        CpuId, //
    },
    segment::TaskState,
    smp,
    symbol::Address,
    task::OnCpu, //
};

claim! {
    quote: "the TR register is read to access to the TSS segment of the running process",
    section: "Hardware Handling of Interrupts/Exceptions",
    today: "since Linux 2.4 there is one for each CPU; the CPU still takes the stack for a change of \
            privilege from it",
    functions: "cpu_init(), load_TR_desc(), cpu_tss_rw",
    control: "the other task runs on another CPU",
    next: "echo measure > stacks; cat stacks",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let cpu = CpuId::current();
    let _here = OnCpu::new(cpu, trial.task)?;
    let other = cpu::next_online(cpu).filter(|other| *other != cpu);
    if trial.is_control() {
        let [_, _] = trial.cpus()?;
    }
    let of_task_on = |cpu| smp::call_in_task(cpu, trial.task, |_task: &_| TaskState::current());
    let where_else = trial.pick(cpu, other.unwrap_or(cpu));
    let (own, others) = (TaskState::current(), of_task_on(where_else)?);
    evidence.note(fmt!(
        "this task on CPU {}: TR = {:#x}, a TSS at {}",
        cpu.as_u32(),
        own.selector,
        Address(own.base)
    ))?;
    if own != others && !trial.is_control() {
        evidence.note(fmt!(
            "another task there: TR = {:#x}, a TSS at {}",
            others.selector,
            Address(others.base)
        ))?;
        return evidence.holds();
    }
    evidence.check(
        own == others && own.base != 0,
        fmt!(
            "another task on CPU {}: a TSS at {}",
            where_else.as_u32(),
            Address(others.base)
        ),
    )?;
    if let Some(other) = other {
        let elsewhere = of_task_on(other)?;
        evidence.check(
            elsewhere.base != own.base,
            fmt!(
                "on CPU {}: one at {}",
                other.as_u32(),
                Address(elsewhere.base)
            ),
        )?;
    }
    evidence.outdated()
}
