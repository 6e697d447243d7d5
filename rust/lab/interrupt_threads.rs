// SPDX-License-Identifier: GPL-2.0

//! The lab's own interrupt threads: pools for all levels, and handlers that do as they are told.

use crate::refusal::{
    refuse,
    Answer, //
};
use irqlab::{
    clock,
    context::{
        HardIrq,
        Task, //
    },
    cpu::{
        self,
        CpuId, //
    },
    emit,
    interrupt_thread::{
        Completion,
        Handler,
        Handlers,
        HighHandler,
        InterruptThreads,
        Level,
        Levels,
        Run,
        MAX_LEVEL, //
    },
    smp,
    text::Text,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
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

    const fn name(self) -> &'static str {
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

/// The handler of one level.
pub(crate) struct Told {
    pub(crate) level: Level,
    run_us: Atomic<u32>,
    waits_for: Atomic<u32>,
    sleep_us: Atomic<u32>,
    released: Completion,
}

impl Told {
    fn new(level: Level) -> Result<Self> {
        Ok(Self {
            level,
            run_us: Atomic::new(0),
            waits_for: Atomic::new(WaitsFor::Nothing as u32),
            sleep_us: Atomic::new(1000),
            released: Completion::new()?,
        })
    }

    fn waits_for(&self) -> WaitsFor {
        let raw = self.waits_for.load(Relaxed) as usize;
        WaitsFor::ALL.get(raw).copied().unwrap_or(WaitsFor::Nothing)
    }

    fn spin(&self) {
        clock::spin_ns(u64::from(self.run_us.load(Relaxed)) * 1000);
    }

    /// What one wants to be otherwise than it is.
    pub(crate) fn tell(
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

impl Handler for Told {
    async fn serve(this: Arc<Self>, run: Run) {
        this.spin();
        match this.waits_for() {
            WaitsFor::Nothing => return,
            WaitsFor::Thread => run.in_thread().await,
            WaitsFor::Sleep => run.sleep_us(this.sleep_us.load(Relaxed)).await,
            WaitsFor::Release => this.released.wait().await,
        }
        this.spin();
    }
}

impl HighHandler for Told {
    fn serve(&self, _irq: &HardIrq) {
        self.spin();
    }
}

/// The lab's interrupt threads.
#[pin_data]
pub(crate) struct LabThreads {
    told: [Arc<Told>; MAX_LEVEL as usize],
    #[pin]
    threads: Mutex<Option<InterruptThreads>>,
}

impl LabThreads {
    pub(crate) fn new() -> Result<impl PinInit<Self>> {
        let mut told = KVec::new();
        for level in Level::all() {
            told.push(Arc::new(Told::new(level)?, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        let told = core::array::from_fn(|index| told[index].clone());
        Ok(pin_init!(Self {
            told,
            threads <- new_mutex!(None, "LabThreads::threads"),
        }))
    }

    /// The handler of a level.
    pub(crate) fn told(&self, level: Level) -> &Arc<Told> {
        &self.told[level.index()]
    }

    pub(crate) fn is_on(&self) -> bool {
        self.threads.lock().is_some()
    }

    /// Makes the pools of all CPUs, unless they are there.
    pub(crate) fn start(&self, task: &Task) -> Answer {
        let mut threads = self.threads.lock();
        if threads.is_none() {
            let mut handlers = Handlers::new();
            for told in &self.told {
                handlers = if told.level.has_thread() {
                    handlers.thread(told.level, told.clone())?
                } else {
                    handlers.function(told.level, told.clone())?
                };
            }
            *threads = Some(InterruptThreads::new(handlers, task)?);
        }
        Ok(())
    }

    /// Ends them. Handlers that wait end where they are.
    pub(crate) fn stop(&self) {
        drop(self.threads.lock().take());
    }

    /// Raises `count` interrupts of `level` on `cpu`, one after the other.
    ///
    /// Refusals: `ENODEV` if there are no pools, `ENXIO` if the CPU is offline or has none,
    /// `EINTR`.
    pub(crate) fn raise(&self, level: Level, cpu: CpuId, count: u64, task: &Task) -> Answer {
        let threads = self.threads.lock();
        let Some(threads) = &*threads else {
            refuse!(ENODEV, "there are no pools: write 1 to 'on'");
        };
        if !cpu::is_online(cpu) || !threads.cpus().any(|other| other == cpu) {
            refuse!(ENXIO, "CPU {} is offline, or has no pool", cpu.as_u32());
        }
        for done in 0..count {
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted after {} of {}", done, count);
            }
            smp::call_on(cpu, task, |_off| threads.raise(level))??;
            task.yield_if_needed();
        }
        Ok(())
    }

    /// Lets one handler of `level` go on that waits for that, or the next one that will.
    pub(crate) fn release(&self, level: Level) {
        self.told(level).released.complete();
    }

    /// Shows what each handler is told to do.
    pub(crate) fn show_handlers(&self, text: &mut Text) -> Result {
        emit!(text, "#level server run_us wait sleep_us\n")?;
        for told in &self.told {
            emit!(
                text,
                "{:<6} {:<8} {:>6} {:<7} {}\n",
                told.level.number(),
                server(told.level),
                told.run_us.load(Relaxed),
                told.waits_for().name(),
                told.sleep_us.load(Relaxed)
            )?;
        }
        Ok(())
    }

    /// Shows the pools: each CPU's mask, and each level's state and counts.
    pub(crate) fn show_pools(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "#cpu mask level server   state           raised merged   runs blocks finished time_us\n"
        )?;
        let threads = self.threads.lock();
        let Some(threads) = &*threads else {
            return Ok(());
        };
        for cpu in threads.cpus() {
            let levels = threads.levels(cpu);
            for level in Level::all() {
                let stats = threads.stats(cpu, level);
                emit!(
                    text,
                    "{:<4} {:<4} {:<5} {:<8} {:<15} {:>6} {:>6} {:>6} {:>6} {:>8} {:>7}\n",
                    cpu.as_u32(),
                    levels.mask().map_or(0, Level::number),
                    level.number(),
                    server(level),
                    state(levels, level),
                    stats.raised,
                    stats.merged,
                    stats.runs,
                    stats.blocks,
                    stats.finished,
                    stats.ns / 1000
                )?;
            }
        }
        Ok(())
    }
}

const fn server(level: Level) -> &'static str {
    if level.has_thread() {
        "thread"
    } else {
        "function"
    }
}

const fn state(levels: Levels, level: Level) -> &'static str {
    let is_pending = Levels::contains(levels.pending, level);
    let is_active = Levels::contains(levels.active, level);
    let is_blocked = Levels::contains(levels.blocked, level);
    match (is_active, is_blocked, is_pending) {
        (true, _, false) => "active",
        (true, _, true) => "active,pending",
        (_, true, false) => "blocked",
        (_, true, true) => "blocked,pending",
        (_, _, true) => "pending",
        _ => "-",
    }
}
