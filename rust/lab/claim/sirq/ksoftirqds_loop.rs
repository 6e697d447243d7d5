// SPDX-License-Identifier: GPL-2.0

//! The loop of ksoftirqd: it sleeps until a soft IRQ is pending, and serves it with preemption disabled.
//!
//! A tasklet that ksoftirqd runs looks at what is disabled there. As the thread then leaves the CPU, the
//! scheduler's tracepoint tells what it waits for.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    hold::attempt,
};
use irqlab::{
    context::{
        BottomHalvesDisabled,
        Snapshot,
        SoftIrq,
        StackRegion,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId, //
    },
    emit,
    task::{
        self,
        Policy, //
    },
    tasklet::{
        Handler,
        Kind,
        Tasklet, //
    },
    text::Text,
    tracepoint::{
        Attached,
        Observer,
        SchedSwitch, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc,
    SetOnce, //
};

claim! {
    quote: "Each ksoftirqd runs the ksoftirq() function which essentially executes the following loop",
    section: "ksoftirqd",
    today: "since 3.7 (2012) the loop is that of all threads that there are for each CPU, which asks whether a soft IRQ is \
            pending; do_softirq() is gone, and what keeps other tasks off the CPU is the count of \
            soft IRQs, not preempt_disable() as in the text",
    functions: "smpboot_thread_fn(), ksoftirqd_should_run(), run_ksoftirqd()",
    control: "a task serves it",
    next: "echo on > softirqs; sleep 1; cat softirqs; echo off > softirqs # the column ksoftirqd: what \
           it serves",
}

/// What the tasklet finds, the first time.
struct Probe {
    seen: SetOnce<(Snapshot, u32)>,
    is_done: Atomic<bool>,
    leaving: Arc<Leaving>,
}

impl Handler<Kind> for Probe {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let now = Snapshot::take();
        this.seen.populate((now, task::nr_cpus_allowed()));
        this.leaving.state.store(0, Relaxed);
        this.leaving.pid.store(now.pid, Relaxed);
        this.is_done.store(true, Release);
    }
}

/// How the thread that has run the probe leaves the CPU: its state, 0 if it has not; and its policy.
struct Leaving {
    pid: Atomic<i32>,
    state: Atomic<u32>,
    policy: Atomic<u64>,
}

impl Observer<SchedSwitch> for Leaving {
    fn observe(&self, event: &SchedSwitch, _context: &Unsleeping) {
        // In state 0 it has only lost the CPU.
        if event.state != 0 && event.pid == self.pid.load(Relaxed) {
            self.policy.store(event.policy.into_raw(), Relaxed);
            self.state.store(event.state, Release);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    /// `TASK_INTERRUPTIBLE`.
    const INTERRUPTIBLE: u32 = 1;

    let leaving = Leaving {
        pid: Atomic::new(0),
        state: Atomic::new(0),
        policy: Atomic::new(0),
    };
    let mut attached = Attached::new(Arc::new(leaving, GFP_KERNEL)?);
    attached.to::<SchedSwitch>()?;
    let leaving = attached.observer();
    let (at, nr_allowed) = attempt(|| try_one(trial, leaving))?;
    let mut name = Text::new();
    emit!(&mut name, "ksoftirqd/{}", at.cpu)?;
    evidence.check(
        at.comm() == name.as_str() && nr_allowed == 1,
        fmt!(
            "served on CPU {} by {}, which may run on {nr_allowed} CPUs",
            at.cpu,
            at.comm()
        ),
    )?;
    evidence.check(
        at.is_serving_softirq(),
        fmt!("soft IRQ count {}", at.softirq_depth()),
    )?;
    evidence.note(fmt!("preemption disabled {} times", at.preempt_depth()))?;
    evidence.note(fmt!("on the {} stack", at.stack))?;
    if !trial.is_control() {
        let state = || leaving.state.load(Acquire);
        if !trial.eventually(2000, || state() != 0) {
            skip!(Missed: "{name} did not sleep for 2 s");
        }
        evidence.check(
            state() & INTERRUPTIBLE != 0,
            fmt!(
                "then it sleeps in state {:#x} (1 is interruptible)",
                state()
            ),
        )?;
        let policy = Policy::from_raw(leaving.policy.load(Relaxed));
        evidence.note(fmt!("policy {policy}"))?;
    }
    // As the text prints it, preempt_disable() is around what it serves.
    if at.preempt_depth() > 0 {
        evidence.holds()
    } else {
        evidence.outdated()
    }
}

/// Has ksoftirqd run the probe. Nothing if the end of an interrupt came before it did.
fn try_one(trial: &Trial<'_>, leaving: &Arc<Leaving>) -> Answer<Option<(Snapshot, u32)>> {
    let probe = Probe {
        seen: SetOnce::new(),
        is_done: Atomic::new(false),
        leaving: leaving.clone(),
    };
    let probe = KBox::pin_init(Tasklet::new(Ok::<_, Error>(probe)), GFP_KERNEL)?;
    let is_control = trial.is_control();
    let pid = Atomic::new(0);
    let cpus = core::iter::once(CpuId::current());
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        pid.store(Snapshot::take().pid, Relaxed);
        let _guard = is_control.then(|| BottomHalvesDisabled::new(here.task));
        probe.schedule_hi();
    })?;
    if !trial.eventually(2000, || probe.is_done.load(Acquire)) {
        return Ok(None);
    }
    let Some(seen) = probe.seen.as_ref().copied() else {
        return Ok(None);
    };
    let (at, _) = seen;
    let is_expected = if is_control {
        at.pid == pid.load(Relaxed)
    } else {
        // On the IRQ stack it is the end of an interrupt that has come while ksoftirqd was current.
        at.comm().starts_with("ksoftirqd/") && at.stack == StackRegion::Task
    };
    Ok(is_expected.then_some(seen))
}
