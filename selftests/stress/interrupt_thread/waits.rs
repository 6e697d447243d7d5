// SPDX-License-Identifier: GPL-2.0

//! Handlers that are dropped while they wait: nothing of them stays behind where they waited.

use irqlab::{
    context::Task,
    interrupt_thread::{
        Completion,
        Handler,
        Handlers,
        InterruptThreads,
        Level,
        Mutex,
        Run,
        LOCK_LEVEL, //
    },
};
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*,
    sync::Arc, //
};

/// Waits for what does not come: at the level of a name for that.
struct Waiter {
    never: Completion,
    locked: Mutex<()>,
}

const FOR_LOCK: u8 = 4;
const FOR_EVENT: u8 = 5;

impl Handler for Waiter {
    async fn serve(this: Arc<Self>, run: Run) {
        if run.level().number() == FOR_LOCK {
            drop(this.locked.lock().await);
        } else {
            this.never.wait().await;
        }
    }
}

/// Whether handlers wait without being woken, after more of them than there can be at a time
/// were dropped where they waited.
pub(super) fn leave_nothing_behind(task: &Task) -> Result<bool> {
    let waiter = Waiter {
        never: Completion::new()?,
        locked: Mutex::new(())?,
    };
    let waiter = Arc::new(waiter, GFP_KERNEL)?;
    let levels = [FOR_LOCK, FOR_EVENT].map(Level::new);
    let start = || -> Result<InterruptThreads> {
        let mut handlers = Handlers::new();
        for level in levels.into_iter().flatten() {
            handlers = handlers.thread(level, waiter.clone())?;
        }
        let pools = InterruptThreads::new(handlers, task)?;
        for level in levels.into_iter().flatten() {
            pools.raise(level)?;
        }
        Ok(pools)
    };
    let _guard = waiter.locked.lock_in(task);
    for _ in 0..nr_cpu_ids() * u32::from(LOCK_LEVEL) + 1 {
        drop(start()?);
    }
    let pools = start()?;
    task.sleep_ms(20);
    let (mut nr_blocked, mut nr_resumed) = (0, 0);
    for cpu in pools.cpus() {
        for level in levels.into_iter().flatten() {
            let stats = pools.stats(cpu, level);
            nr_blocked += stats.blocks;
            nr_resumed += stats.resumes;
        }
    }
    Ok(nr_blocked == 2 && nr_resumed == 0)
}
