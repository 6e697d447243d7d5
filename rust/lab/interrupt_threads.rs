// SPDX-License-Identifier: GPL-2.0

//! The lab's own interrupt threads: pools for all levels, whose handlers follow a [`Script`].

mod script;

pub(crate) use script::{
    WaitsFor,
    MAX_RUN_US,
    MAX_SLEEP_US, //
};

use crate::{
    progress::Experiment,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::Task,
    cpu::{
        self,
        CpuId, //
    },
    emit,
    interrupt_thread::{
        Handlers,
        InterruptThreads,
        Level,
        Levels,
        MAX_LEVEL, //
    },
    smp,
    text::Text,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};
use script::Script;

/// The lab's interrupt threads.
#[pin_data]
pub(crate) struct LabThreads {
    scripts: [Arc<Script>; MAX_LEVEL as usize],
    /// Shared by whoever raises interrupts, who may take minutes.
    #[pin]
    threads: Mutex<Option<Arc<InterruptThreads>>>,
}

impl LabThreads {
    pub(crate) fn new() -> Result<impl PinInit<Self>> {
        let mut scripts = KVec::new();
        for level in Level::all() {
            scripts.push(Arc::new(Script::new(level)?, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        let scripts = core::array::from_fn(|index| scripts[index].clone());
        Ok(pin_init!(Self {
            scripts,
            threads <- new_mutex!(None, "LabThreads::threads"),
        }))
    }

    /// What the handler of a level does.
    pub(crate) fn script(&self, level: Level) -> &Script {
        &self.scripts[level.index()]
    }

    pub(crate) fn is_on(&self) -> bool {
        self.threads.lock().is_some()
    }

    /// Makes the pools of all CPUs, unless they are there.
    pub(crate) fn start(&self, task: &Task) -> Answer {
        let mut threads = self.threads.lock();
        if threads.is_none() {
            let mut handlers = Handlers::new();
            for script in &self.scripts {
                handlers = if script.level.has_thread() {
                    handlers.thread(script.level, script.clone())?
                } else {
                    handlers.function(script.level, script.clone())?
                };
            }
            let new = InterruptThreads::new(handlers, task)?;
            *threads = Some(Arc::new(new, GFP_KERNEL)?);
        }
        Ok(())
    }

    /// Ends them. Handlers that wait end where they are. Nobody raises interrupts meanwhile, as the
    /// experiment is the caller's.
    pub(crate) fn stop(&self, _experiment: &Experiment<'_>) {
        drop(self.threads.lock().take());
    }

    /// Raises `count` interrupts of `level` on `cpu`, one after the other.
    ///
    /// Refusals: `ENODEV` if there are no pools, `ENXIO` if the CPU is offline, `EINTR`.
    pub(crate) fn raise(
        &self,
        level: Level,
        cpu: CpuId,
        count: u64,
        experiment: &Experiment<'_>,
        task: &Task,
    ) -> Answer {
        let threads = self.threads.lock().clone();
        let Some(threads) = threads else {
            refuse!(ENODEV, "there are no pools: write 1 to 'on'");
        };
        if !cpu::is_online(cpu) {
            refuse!(ENXIO, "CPU {} is offline", cpu.as_u32());
        }
        for done in 0..count {
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted after {} of {}", done, count);
            }
            experiment.step(done + 1, count, fmt!("level={}", level.number()));
            smp::call_on(cpu, task, |_off| threads.raise(level))??;
            task.yield_if_needed();
        }
        Ok(())
    }

    /// Lets one handler of `level` go on that waits for that, or the next one that will.
    pub(crate) fn release(&self, level: Level) {
        self.script(level).release();
    }

    /// Shows what each handler does.
    pub(crate) fn show_handlers(&self, text: &mut Text) -> Result {
        emit!(text, "#level server run_us wait sleep_us\n")?;
        for script in &self.scripts {
            emit!(
                text,
                "{:<6} {:<8} {:>6} {:<7} {}\n",
                script.level.number(),
                server(script.level),
                script.run_us(),
                script.waits_for().name(),
                script.sleep_us()
            )?;
        }
        Ok(())
    }

    /// Shows the pools: each CPU's mask, and each level's state and counts.
    pub(crate) fn show_pools(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "#cpu mask level server   state           raised merged   runs blocks resumes finished time_us\n"
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
                    "{:<4} {:<4} {:<5} {:<8} {:<15} {:>6} {:>6} {:>6} {:>6} {:>7} {:>8} {:>7}\n",
                    cpu.as_u32(),
                    levels.mask().map_or(0, Level::number),
                    level.number(),
                    server(level),
                    state(levels, level),
                    stats.raised,
                    stats.merged,
                    stats.runs,
                    stats.blocks,
                    stats.resumes,
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
