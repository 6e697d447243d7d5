// SPDX-License-Identifier: GPL-2.0

//! A handler runs at the expense of the process that it has interrupted.
//!
//! That task is `current` in the handler, and the kernel charges it with the handler's time, unless it
//! was built to tell the two apart.

use crate::claim::prelude::*;
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        HardIrq,
        Snapshot,
        Task, //
    },
    cpu::CpuId,
    irq_work::{
        Handler,
        IrqWork,
        Kind,
        Now, //
    },
    smp,
    task::{
        self,
        OnCpu, //
    },
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Relaxed,
    Release, //
};

claim! {
    quote: "But instead of the swotching to another process now it switch to a kernel code that runs at \
            expense of the same process that was running when the interrupt occurred.",
    section: "Introduction",
    today: "the same; a kernel built with CONFIG_IRQ_TIME_ACCOUNTING, which Linux has since 2.6.37 and \
            Debian does not set, keeps the handlers' time apart",
    functions: "update_curr(), account_system_time(), irqtime_account_irq()",
    control: "the interrupts come while a kernel thread runs",
    next: "echo 10 > deferral/hard/schedule; cat deferral/hard/context",
}

const COUNT: u64 = 10;
const HANDLER_NS: u64 = 1_000_000;

/// Keeps the CPU for a while.
struct Busy {
    pid: i32,
    /// How often it has interrupted that task.
    nr_over_it: Atomic<u64>,
    took_ns: Atomic<u64>,
    nr_ran: Atomic<u64>,
}

impl Handler<Kind<Now>> for Busy {
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        let start_ns = clock::now_ns();
        clock::spin_ns(HANDLER_NS);
        let is_over_it = Snapshot::take().pid == this.pid;
        this.nr_over_it.add(u64::from(is_over_it), Relaxed);
        let took_ns = clock::now_ns().wrapping_sub(start_ns);
        this.took_ns.add(took_ns, Relaxed);
        this.nr_ran.fetch_add(1, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const PATIENCE_NS: u64 = 1_000_000_000;

    trial.judge_by_clock();
    let cpu = CpuId::current();
    let _here = OnCpu::new(cpu, trial.task)?;
    let busy = Busy {
        pid: Snapshot::take().pid,
        nr_over_it: Atomic::new(0),
        took_ns: Atomic::new(0),
        nr_ran: Atomic::new(0),
    };
    let busy = KBox::pin_init(IrqWork::new(Ok::<_, Error>(busy)), GFP_KERNEL)?;
    let interrupt = |task: &Task| {
        for nr_before in 0..COUNT {
            // No other task may come between.
            let _guard = BottomHalvesDisabled::new(task);
            busy.queue();
            clock::spin_until(PATIENCE_NS, || busy.nr_ran.load(Acquire) > nr_before);
        }
    };
    let before_ns = task::charged_ns(trial.task);
    match trial.pick(true, false) {
        true => interrupt(trial.task),
        false => smp::call_in_task(cpu, trial.task, interrupt)?,
    }
    let charged_ns = task::charged_ns(trial.task).wrapping_sub(before_ns);
    let took_ns = busy.took_ns.load(Relaxed);
    let nr_over_it = busy.nr_over_it.load(Relaxed);
    evidence.check(
        nr_over_it == COUNT,
        fmt!("of {COUNT} handlers {nr_over_it} had interrupted this task, and found it to be current"),
    )?;
    evidence.note(fmt!("they took {} us", took_ns / 1000))?;
    evidence.note(fmt!(
        "meanwhile the kernel charged this task with {} us",
        charged_ns / 1000
    ))?;
    match charged_ns >= took_ns / 10 * 9 {
        true => evidence.holds(),
        false => evidence.outdated(),
    }
}
