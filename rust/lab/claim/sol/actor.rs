// SPDX-License-Identifier: GPL-2.0

//! A handler for experiments: it notes where it is, may hold its CPU, may block, and counts.

use crate::{
    claim::Trial,
    record::SnapshotCell,
    refusal::Answer, //
};
use irqlab::{
    clock,
    context::{
        HardIrq,
        Snapshot,
        Task, //
    },
    cpu::{
        self,
        CpuId,
        Here, //
    },
    interrupt_thread::{
        Completion,
        Handler,
        Handlers,
        HighHandler,
        InterruptThreads,
        Level,
        Run, //
    },
    task,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

/// How long a handler holds its CPU at most.
const HOLD_NS: u64 = 200_000_000;
/// How long others wait for it, at most: longer than it can hold them up, on a machine that is
/// busy with other things.
const PATIENCE_NS: u64 = 2_000_000_000;

/// What the actor of one level does, and what it has seen.
pub(super) struct Actor {
    /// Whether it blocks until it is let go, once in each run.
    pub(super) blocks: Atomic<bool>,
    /// Whether it holds its CPU, first of all, until this is false, or patience ends.
    pub(super) holds: Atomic<bool>,
    pub(super) let_go: Completion,
    nr_begun: Atomic<u64>,
    nr_ended: Atomic<u64>,
    begun: SnapshotCell,
    ended: SnapshotCell,
    /// At the end: how many CPUs the current task may run on, and whether it may sleep.
    nr_cpus_allowed: Atomic<u32>,
    may_sleep: Atomic<bool>,
}

impl Actor {
    pub(super) fn new() -> Result<Arc<Self>> {
        let actor = Self {
            blocks: Atomic::new(false),
            holds: Atomic::new(false),
            let_go: Completion::new()?,
            nr_begun: Atomic::new(0),
            nr_ended: Atomic::new(0),
            begun: SnapshotCell::new(),
            ended: SnapshotCell::new(),
            nr_cpus_allowed: Atomic::new(0),
            may_sleep: Atomic::new(false),
        };
        Ok(Arc::new(actor, GFP_KERNEL)?)
    }

    pub(super) fn blocking(blocks: bool) -> Result<Arc<Self>> {
        let actor = Self::new()?;
        actor.blocks.store(blocks, Relaxed);
        Ok(actor)
    }

    pub(super) fn nr_begun(&self) -> u64 {
        self.nr_begun.load(Acquire)
    }

    pub(super) fn nr_ended(&self) -> u64 {
        self.nr_ended.load(Acquire)
    }

    pub(super) fn begun(&self) -> Option<Snapshot> {
        self.begun.load()
    }

    pub(super) fn ended(&self) -> Option<Snapshot> {
        self.ended.load()
    }

    pub(super) fn nr_cpus_allowed(&self) -> u32 {
        self.nr_cpus_allowed.load(Relaxed)
    }

    pub(super) fn may_sleep(&self) -> bool {
        self.may_sleep.load(Relaxed)
    }

    fn begin(&self) {
        self.begun.store(&Snapshot::take());
        self.nr_begun.add(1, Relaxed);
        clock::spin_until(HOLD_NS, || !self.holds.load(Acquire));
    }

    fn end(&self) {
        self.ended.store(&Snapshot::take());
        self.nr_cpus_allowed.store(task::nr_cpus_allowed(), Relaxed);
        self.may_sleep.store(Task::current().is_some(), Relaxed);
        self.nr_ended.fetch_add(1, Release);
    }
}

impl Handler for Actor {
    async fn serve(this: Arc<Self>, _run: Run) {
        this.begin();
        if this.blocks.load(Relaxed) {
            this.let_go.wait().await;
        }
        this.end();
    }
}

impl HighHandler for Actor {
    fn serve(&self, _irq: &HardIrq) {
        self.begin();
        self.end();
    }
}

/// The level of a number that is known to be one.
pub(super) fn level(number: u8) -> Result<Level> {
    Level::new(number).ok_or(EINVAL)
}

/// Interrupt threads of some levels, and an actor for each.
pub(super) fn threads(actors: &[(u8, &Arc<Actor>)], trial: &Trial<'_>) -> Result<InterruptThreads> {
    let mut handlers = Handlers::new();
    for (number, actor) in actors {
        let level = level(*number)?;
        handlers = if level.has_thread() {
            handlers.thread(level, (*actor).clone())?
        } else {
            handlers.function(level, (*actor).clone())?
        };
    }
    InterruptThreads::new(handlers, trial.task)
}

/// Runs `f` in a thread on `cpu`. A skip if that went offline.
pub(super) fn on_cpu(trial: &Trial<'_>, cpu: CpuId, f: impl Fn(&Here<'_>) + Sync) -> Answer {
    let workers = &trial.lab().workers;
    if cpu::run_on(workers, core::iter::once(cpu), trial.task, f)? == 0 {
        crate::claim::skip!("CPU {} went offline", cpu.as_u32());
    }
    Ok(())
}

/// Spins until `condition` holds, but not for ever. Returns whether it does.
pub(super) fn spin_until(condition: impl Fn() -> bool) -> bool {
    clock::spin_until(PATIENCE_NS, condition)
}
