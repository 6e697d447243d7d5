// SPDX-License-Identifier: GPL-2.0

//! Interrupts of many levels at once, again and again, each time on top of the one before.
//!
//! With interrupts off all levels above are raised, and so are served from the highest down. The lowest of
//! them, when its turn comes, does the same. So the interrupts by which a controller interrupts its CPU
//! are needed as often, and as deep on top of each other, as can be.

use irqlab::{
    clock,
    context::{
        HardIrq,
        Task, //
    },
    interrupt::local_interrupt_disable,
    interrupt_thread::{
        Handler,
        Handlers,
        HighHandler,
        InterruptThreads,
        Level,
        Run,
        LOCK_LEVEL, //
    },
    rcu::Slot, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

/// How long a handler waits for one on top of it. It comes at once, or not before the handler ends.
const PATIENCE_NS: u64 = 500_000_000;

/// The handler of all levels.
struct Chain {
    pools: Slot<InterruptThreads>,
    /// The level that is to raise those above.
    next: Atomic<u32>,
    /// How often the highest level was served.
    nr_highest: Atomic<u64>,
    /// How often it was not, on top of one that had raised it.
    nr_late: Atomic<u64>,
}

impl Chain {
    fn raise_above(&self, number: u32) {
        self.pools.read(|pools, _unsleeping| {
            let _off = local_interrupt_disable();
            for level in Level::all().filter(|level| u32::from(level.number()) > number) {
                // What the test counts is whether it comes.
                let _ = pools.raise(level);
            }
        });
    }
}

impl Handler for Chain {
    async fn serve(this: Arc<Self>, run: Run) {
        let number = u32::from(run.level().number());
        if this.next.load(Acquire) != number {
            return;
        }
        this.next.store(number + 1, Relaxed);
        let before = this.nr_highest.load(Acquire);
        this.raise_above(number);
        if !clock::spin_until(PATIENCE_NS, || this.nr_highest.load(Acquire) != before) {
            this.nr_late.add(1, Relaxed);
        }
    }
}

impl HighHandler for Chain {
    fn serve(&self, _irq: &HardIrq) {
        self.nr_highest.fetch_add(1, Full);
    }
}

/// Whether each level that is raised comes at once, on top of all below.
pub(super) fn goes_to_the_top(task: &Task) -> Result<bool> {
    let chain = Chain {
        pools: Slot::new(),
        next: Atomic::new(1),
        nr_highest: Atomic::new(0),
        nr_late: Atomic::new(0),
    };
    let chain = Arc::new(chain, GFP_KERNEL)?;
    let mut handlers = Handlers::new();
    for level in Level::all().filter(|level| level.has_thread()) {
        handlers = handlers.thread(level, chain.clone())?;
    }
    if let Some(highest) = Level::all().next_back() {
        handlers = handlers.function(highest, chain.clone())?;
    }
    let pools = InterruptThreads::new(handlers, task)?;
    chain
        .pools
        .replace(Some(Arc::new(pools, GFP_KERNEL)?), task);
    chain.raise_above(0);
    let is_through = (0..1000).any(|_| {
        task.sleep_ms(1);
        chain.next.load(Acquire) > u32::from(LOCK_LEVEL)
    });
    drop(chain.pools.replace(None, task));
    Ok(is_through && chain.nr_late.load(Relaxed) == 0)
}
