// SPDX-License-Identifier: GPL-2.0

//! The controller of one CPU: which level is served, by which thread, and for how long.

use super::{
    in_place,
    level::{
        Level,
        Levels,
        Raised,
        LOCK_LEVEL,
        MAX_LEVEL, //
    },
    thread::Thread,
    HighHandler,
};
use crate::{
    clock,
    context::HardIrq,
    error::ESHUTDOWN,
    irq_work::{
        self,
        IrqWork,
        Now, //
    }, //
};
use kernel::{
    cpu::{
        nr_cpu_ids,
        CpuId, //
    },
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    }, //
};

/// What serves the interrupts of a level.
pub(super) enum Server {
    /// Nothing: the level has no handler.
    None,
    /// A thread: levels up to the lock level.
    Thread(KBox<dyn Thread>),
    /// A function: the levels above.
    Function(Arc<dyn HighHandler>),
}

/// The controller of one CPU.
pub(super) struct Cpu {
    pub(super) id: CpuId,
    /// The [`Levels`].
    levels: Atomic<u64>,
    /// Whether one of the [`Bells`] is on its way.
    is_rung: Atomic<bool>,
    servers: [Server; MAX_LEVEL as usize],
    /// Since when the level on top is being served.
    since_ns: Atomic<u64>,
    counts: [Counts; MAX_LEVEL as usize],
}

/// What a level's handler has done on one CPU.
struct Counts {
    raised: Atomic<u64>,
    merged: Atomic<u64>,
    runs: Atomic<u64>,
    blocks: Atomic<u64>,
    resumes: Atomic<u64>,
    finished: Atomic<u64>,
    ns: Atomic<u64>,
}

/// What a level's handler has done on one CPU, up to now.
#[derive(Clone, Copy, Debug, Default)]
pub struct LevelStats {
    /// Interrupts that were raised, those that merged included.
    pub raised: u64,
    /// Interrupts that became one with one that waited.
    pub merged: u64,
    /// Runs of the handler that began.
    pub runs: u64,
    /// Runs that blocked in interrupt context, and went on as a thread.
    pub blocks: u64,
    /// How often the threads of these were woken.
    pub resumes: u64,
    /// Runs that ended in their thread.
    pub finished: u64,
    /// Time in interrupt context, in nanoseconds, without what higher levels took of it.
    pub ns: u64,
}

impl Cpu {
    pub(super) fn new(id: CpuId, servers: [Server; MAX_LEVEL as usize]) -> Result<Arc<Self>> {
        let counts = || Counts {
            raised: Atomic::new(0),
            merged: Atomic::new(0),
            runs: Atomic::new(0),
            blocks: Atomic::new(0),
            resumes: Atomic::new(0),
            finished: Atomic::new(0),
            ns: Atomic::new(0),
        };
        let cpu = Self {
            id,
            levels: Atomic::new(Levels::default().into_raw()),
            is_rung: Atomic::new(false),
            servers,
            since_ns: Atomic::new(0),
            counts: core::array::from_fn(|_| counts()),
        };
        Ok(Arc::new(cpu, GFP_KERNEL)?)
    }

    pub(super) fn levels(&self) -> Levels {
        Levels::from_raw(self.levels.load(Acquire))
    }

    pub(super) fn stats(&self, level: Level) -> LevelStats {
        let counts = &self.counts[level.index()];
        LevelStats {
            raised: counts.raised.load(Relaxed),
            merged: counts.merged.load(Relaxed),
            runs: counts.runs.load(Relaxed),
            blocks: counts.blocks.load(Relaxed),
            resumes: counts.resumes.load(Relaxed),
            finished: counts.finished.load(Relaxed),
            ns: counts.ns.load(Relaxed),
        }
    }

    /// Changes the levels by one atomic operation. Returns what `change` did besides.
    fn change<R>(&self, change: impl Fn(Levels) -> Option<(Levels, R)>) -> Option<R> {
        let mut before = self.levels.load(Acquire);
        loop {
            let (after, result) = change(Levels::from_raw(before))?;
            match self.levels.cmpxchg(before, after.into_raw(), Full) {
                Ok(_) => return Some(result),
                Err(now) => before = now,
            }
        }
    }

    /// An interrupt of `level` comes. Interrupts are off.
    ///
    /// Errors: `ENODEV` if the level has no handler, `ESHUTDOWN` if all come to an end.
    pub(super) fn raise(&self, level: Level) -> Result<Raised> {
        if let Server::None = self.servers[level.index()] {
            return Err(ENODEV);
        }
        let raised = self.change(|levels| levels.raise(level)).ok_or(ESHUTDOWN)?;
        let counts = &self.counts[level.index()];
        counts.raised.add(1, Relaxed);
        counts
            .merged
            .add(u64::from(raised == Raised::Merged), Relaxed);
        Ok(raised)
    }

    pub(super) fn close(&self) {
        self.change(|levels| Some((levels.close(), ())));
    }

    /// Serves what is pending above the mask, the highest level first, in the place of what was
    /// interrupted.
    fn dispatch(&self, irq: &HardIrq) {
        while let Some((below, level)) = self.change(|levels| {
            let (after, level) = levels.begin()?;
            Some((after, (levels.top(), level)))
        }) {
            // From here on the time is the new level's.
            self.account(below);
            let counts = &self.counts[level.index()];
            counts.runs.add(1, Relaxed);
            match &self.servers[level.index()] {
                Server::Thread(thread) => {
                    let poll = in_place::with_interrupts_on(irq, || thread.begin());
                    self.account(Some(level));
                    if poll.is_pending() {
                        counts.blocks.add(1, Relaxed);
                        // First the mask, as the thread may go on, and end, as soon as it is
                        // parked.
                        self.change(|levels| Some((levels.block(level), ())));
                        thread.park();
                        continue;
                    }
                }
                Server::Function(handler) => {
                    handler.serve(irq);
                    self.account(Some(level));
                }
                Server::None => (),
            }
            self.change(|levels| Some((levels.end(level), ())));
        }
    }

    /// Gives the time up to now to the level that had the CPU, if it was a level.
    fn account(&self, level: Option<Level>) {
        let now_ns = clock::now_ns();
        let since_ns = self.since_ns.load(Relaxed);
        self.since_ns.store(now_ns, Relaxed);
        if let Some(level) = level {
            let ns = clock::elapsed_ns(since_ns, now_ns).unwrap_or(0);
            self.counts[level.index()].ns.add(ns, Relaxed);
        }
    }

    /// Goes on with a handler that had blocked. Returns whether it has ended, and what it had
    /// masked may come.
    pub(super) fn resume(&self, level: Level) -> bool {
        let Server::Thread(thread) = &self.servers[level.index()] else {
            return false;
        };
        let counts = &self.counts[level.index()];
        counts.resumes.add(1, Relaxed);
        if thread.resume().is_pending() {
            return false;
        }
        counts.finished.add(1, Relaxed);
        self.change(|levels| {
            let after = levels.finish(level);
            Some((after, after.next().is_some()))
        })
        .unwrap_or(false)
    }
}

/// The interrupts by which a controller interrupts its CPU. One at a time is on its way: it will find
/// all that is pending when it comes.
pub(super) struct Bells {
    bells: KVec<Pin<KBox<IrqWork<Bell>>>>,
    cpu: Arc<Cpu>,
}

/// One of them.
struct Bell {
    cpu: Arc<Cpu>,
    /// Whether it is being served.
    is_served: Atomic<bool>,
}

impl Bells {
    pub(super) fn new(cpu: &Arc<Cpu>) -> Result<Arc<Self>> {
        // One for each level that can be interrupted by another, and one that is on its way. And for
        // each CPU one that serves with interrupts off: while the controller's CPU is offline,
        // others serve its levels.
        let nr_bells = LOCK_LEVEL as usize + 1 + nr_cpu_ids() as usize;
        let mut bells = KVec::new();
        for _ in 0..nr_bells {
            let bell = Bell {
                cpu: cpu.clone(),
                is_served: Atomic::new(false),
            };
            let bell = KBox::pin_init(IrqWork::new(Ok(bell)), GFP_KERNEL)?;
            bells.push(bell, GFP_KERNEL)?;
        }
        let bells = Self {
            bells,
            cpu: cpu.clone(),
        };
        Ok(Arc::new(bells, GFP_KERNEL)?)
    }

    /// Interrupts this CPU as soon as interrupts are on.
    ///
    /// By one that is not being served: that one could come again only when it has ended. And by one
    /// only, until it has come: the kernel serves those that it finds together one after the other,
    /// so that the others would be of no use to what is raised meanwhile.
    pub(super) fn ring(&self) {
        if self.cpu.is_rung.xchg(true, Full) {
            return;
        }
        let mut bells = self.bells.iter();
        bells.any(|bell| !bell.is_served.load(Acquire) && bell.queue());
    }
}

impl irq_work::Handler<irq_work::Kind<Now>> for Bell {
    fn run(this: &IrqWork<Self>, irq: &HardIrq) {
        this.is_served.store(true, Relaxed);
        // In full order: who does not ring after all has raised its interrupt before, which is
        // seen below.
        this.cpu.is_rung.xchg(false, Full);
        this.cpu.dispatch(irq);
        this.is_served.store(false, Release);
    }
}
