// SPDX-License-Identifier: GPL-2.0

//! The handlers of the lab's interrupt threads: what each does is set while they are in use.

use crate::refusal::{
    refuse,
    Answer, //
};
use irqlab::{
    clock,
    context::HardIrq,
    interrupt_thread::{
        Completion,
        Handler,
        HighHandler,
        Level,
        Run, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

/// The longest time that a handler may keep its CPU, in microseconds.
pub(crate) const MAX_RUN_US: u64 = 1000;
/// The longest that it may sleep.
pub(crate) const MAX_SLEEP_US: u64 = 10_000_000;

/// What a handler waits for, once.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum WaitsFor {
    /// Nothing: it ends where it began.
    Nothing,
    /// For no time: only to become a thread.
    Thread,
    /// For the time `sleep_us`.
    Sleep,
    /// For its level to be written to `release`.
    Release,
}

impl WaitsFor {
    const ALL: [WaitsFor; 4] = [
        WaitsFor::Nothing,
        WaitsFor::Thread,
        WaitsFor::Sleep,
        WaitsFor::Release,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            WaitsFor::Nothing => "nothing",
            WaitsFor::Thread => "thread",
            WaitsFor::Sleep => "sleep",
            WaitsFor::Release => "release",
        }
    }

    /// Refusals: `ENODEV`.
    pub(crate) fn find(name: &str) -> Answer<Self> {
        match Self::ALL.into_iter().find(|one| one.name() == name) {
            Some(found) => Ok(found),
            None => refuse!(ENODEV, "nothing to wait for is called '{}'", name),
        }
    }
}

/// What the handler of one level does, and the handler that does it.
pub(crate) struct Script {
    pub(super) level: Level,
    run_us: Atomic<u32>,
    waits_for: Atomic<u32>,
    sleep_us: Atomic<u32>,
    released: Completion,
}

impl Script {
    pub(super) fn new(level: Level) -> Result<Self> {
        Ok(Self {
            level,
            run_us: Atomic::new(0),
            waits_for: Atomic::new(WaitsFor::Nothing as u32),
            sleep_us: Atomic::new(1000),
            released: Completion::new()?,
        })
    }

    pub(super) fn run_us(&self) -> u32 {
        self.run_us.load(Relaxed)
    }

    pub(super) fn waits_for(&self) -> WaitsFor {
        let raw = self.waits_for.load(Relaxed) as usize;
        WaitsFor::ALL.get(raw).copied().unwrap_or(WaitsFor::Nothing)
    }

    pub(super) fn sleep_us(&self) -> u32 {
        self.sleep_us.load(Relaxed)
    }

    /// Lets one handler go on that waits for that, or the next one that will.
    pub(super) fn release(&self) {
        self.released.complete();
    }

    fn spin(&self) {
        clock::spin_ns(u64::from(self.run_us()) * 1000);
    }

    /// Changes what is given. Refusals: `EPERM` if the level's handler cannot wait.
    pub(crate) fn change(
        &self,
        run_us: Option<u64>,
        waits_for: Option<WaitsFor>,
        sleep_us: Option<u64>,
    ) -> Answer {
        let waits = waits_for.is_some_and(|what| what != WaitsFor::Nothing);
        if waits && !self.level.has_thread() {
            refuse!(
                EPERM,
                "level {} is above the lock level: its handler cannot wait",
                self.level.number()
            );
        }
        if let Some(run_us) = run_us {
            self.run_us.store(run_us as u32, Relaxed);
        }
        if let Some(waits_for) = waits_for {
            self.waits_for.store(waits_for as u32, Relaxed);
        }
        if let Some(sleep_us) = sleep_us {
            self.sleep_us.store(sleep_us as u32, Relaxed);
        }
        Ok(())
    }
}

impl Handler for Script {
    async fn serve(this: Arc<Self>, run: Run) {
        this.spin();
        match this.waits_for() {
            WaitsFor::Nothing => return,
            WaitsFor::Thread => run.in_thread().await,
            WaitsFor::Sleep => run.sleep_us(this.sleep_us()).await,
            WaitsFor::Release => this.released.wait().await,
        }
        this.spin();
    }
}

impl HighHandler for Script {
    fn serve(&self, _irq: &HardIrq) {
        self.spin();
    }
}
