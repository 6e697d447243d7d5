// SPDX-License-Identifier: GPL-2.0

//! A threaded IRQ is a primary handler, then a kernel thread that may
//! sleep.
//!
//! The thread is `irq/N-name`, SCHED_FIFO 50. The line stays masked until it is
//! done, where the line's flow masks at all: the edu device's level-triggered
//! one does, a simulated one does not.

use crate::{
    claim::prelude::*,
    line::Line,
    record::SnapshotCell,
    refusal::refuse, //
};
use irqlab::{
    completion::{
        Completion,
        Waited, //
    },
    context::{
        HardIrq,
        Kind,
        Snapshot,
        Task, //
    },
    irq::{
        IrqReturn,
        Registration,
        Sharing,
        ThreadedHandler,
        ThreadedIrqReturn, //
    },
    task::{
        self,
        Policy, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "the top-half of an IRQ is executed in a kernel thread by using the function request_threaded_irq() for allocating a IRQ line.",
    section: "Tasklets",
    today: "the thread runs what is left after a primary handler in hard IRQ context; it is called irq/N-name and is SCHED_FIFO 50. With IRQF_ONESHOT a level-triggered line stays masked until the thread is done; an edge-triggered one is not masked, and may come again meanwhile. Since 2.6.30",
    functions: "request_threaded_irq(), irq_wake_thread(), irq_thread(), irq_finalize_oneshot()",
    control: "the primary handler does not wake the thread",
    next: "echo threaded > lines/edu0/handlers; ps | grep irq/; echo 5 > lines/edu0/trigger; cat deferral/threaded/context; echo none > lines/edu0/handlers",
}

/// How long the thread waits to be told to go on, while another interrupt is
/// raised.
const PATIENCE_MS: u32 = 10_000;

#[pin_data]
struct Threaded {
    line: Arc<Line>,
    is_waking: bool,
    #[pin]
    go_on: Completion,
    primary: SnapshotCell,
    thread: SnapshotCell,
    /// The thread's policy and priority, as `Policy::into_raw`.
    policy: Atomic<u64>,
    primaries: Atomic<u64>,
    /// Threads that have begun, and those that have slept.
    begun: Atomic<u64>,
    slept: Atomic<u64>,
    /// What the first thread saw of its line.
    is_masked: Atomic<bool>,
}

impl ThreadedHandler for Threaded {
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        if !self.line.source.acknowledge(irq) {
            return ThreadedIrqReturn::None;
        }
        self.primaries.add(1, Relaxed);
        self.primary.store(&Snapshot::take());
        if self.is_waking {
            ThreadedIrqReturn::WakeThread
        } else {
            ThreadedIrqReturn::Handled
        }
    }

    fn handle_threaded(&self, task: &Task) -> IrqReturn {
        self.thread.store(&Snapshot::take());
        self.policy.store(task::policy(task).into_raw(), Relaxed);
        let info = self.line.source.line().info();
        let is_masked = info.is_ok_and(|info| info.is_masked);
        if self.begun.fetch_add(1, Full) == 0 {
            self.is_masked.store(is_masked, Relaxed);
        }
        if self.go_on.wait_ms(task, PATIENCE_MS) == Waited::Completed {
            self.slept.fetch_add(1, Full);
        }
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    for name in ["sim0", "edu0"] {
        if trial.line(name).is_ok() {
            try_line(trial, name, evidence)?;
        }
    }
    evidence.holds()
}

fn try_line(trial: &Trial<'_>, name: &str, evidence: &mut Evidence) -> Answer {
    let line = trial.line(name)?;
    let group = trial.group(name)?;
    let reserved = group.reserve()?;
    let registration = match request(&line, !trial.is_control()) {
        Err(EBUSY) if line.source.sharing() == Sharing::Shared => {
            return Ok(evidence.note(fmt!(
                "{name} is shared with a driver that agrees to no thread"
            ))?);
        }
        requested => requested?,
    };
    let seen = registration.handler();

    reserved.raise()?;
    trial.come("the primary handler", || seen.primary.load().is_some())?;
    let begins = || seen.begun.load(Acquire) == 1;
    if trial.is_control() {
        trial.eventually(trial.patience_ms(), begins);
    } else {
        trial.come("the line's thread", begins)?;
    }
    let Some(primary) = seen.primary.load() else {
        refuse!(EIO, "{name}: no snapshot of the primary handler");
    };
    evidence.check(
        primary.kind() == Kind::HardIrq && primary.irqs_disabled,
        fmt!(
            "{name}: the primary handler ran in {} context with IF = {}",
            primary.kind(),
            u8::from(!primary.irqs_disabled)
        ),
    )?;
    let (true, Some(thread)) = (begins(), seen.thread.load()) else {
        evidence.check(false, fmt!("the thread did not run"))?;
        return Ok(());
    };
    let policy = Policy::from_raw(seen.policy.load(Relaxed));
    let comm = thread.comm();
    evidence.check(
        thread.kind() == Kind::Task
            && !thread.irqs_disabled
            && comm.starts_with("irq/")
            && policy == Policy::Fifo(50),
        fmt!("thread {comm}, {policy}, in {} context", thread.kind()),
    )?;
    // Now the thread sleeps, and another interrupt has to wait where the line
    // is masked.
    reserved.raise()?;
    trial.settle();
    let meanwhile = seen.primaries.load(Relaxed) - 1;
    seen.go_on.complete();
    seen.go_on.complete();
    trial.come("the end of the thread", || seen.slept.load(Acquire) == 2)?;
    evidence.note(fmt!("slept in 2 of 2 runs"))?;
    let is_masked = seen.is_masked.load(Relaxed);
    let masks = line.source.line().info()?.trigger == "level";
    evidence.check(
        is_masked == masks && (!masks || meanwhile == 0),
        fmt!(
            "the line, {}-triggered, was {} meanwhile, and came {meanwhile} times",
            if masks { "level" } else { "edge" },
            if is_masked { "masked" } else { "not masked" }
        ),
    )?;
    Ok(())
}

fn request(line: &Arc<Line>, is_waking: bool) -> Result<Arc<Registration<Threaded>>> {
    let handler = try_pin_init!(Threaded {
        line: line.clone(),
        is_waking,
        go_on <- Completion::new(),
        primary: SnapshotCell::new(),
        thread: SnapshotCell::new(),
        policy: Atomic::new(0),
        primaries: Atomic::new(0),
        begun: Atomic::new(0),
        slept: Atomic::new(0),
        is_masked: Atomic::new(false),
    }? Error);
    let sharing: Sharing = line.source.sharing();
    line.source
        .line()
        .request_threaded(sharing, line.name, handler)
}
