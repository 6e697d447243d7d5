// SPDX-License-Identifier: GPL-2.0

//! Overlap: how many run the same code at a time, at most, and on which CPUs.

use irqlab::{
    clock,
    context::SoftIrq,
    cpu::PerCpu,
    dpc::{
        self,
        Dpc, //
    },
    interrupt_thread, old_bh,
    tasklet::{
        self,
        Tasklet, //
    },
    workqueue::{
        self,
        Work, //
    },
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

/// Counts who is inside, and remembers the most.
pub(crate) struct Overlap {
    inside: Atomic<u64>,
    /// How many have come inside.
    came: Atomic<u64>,
    max: Atomic<u64>,
    runs: PerCpu<Atomic<u64>>,
    kept: Atomic<u64>,
}

impl Overlap {
    pub(crate) fn new() -> Result<Arc<Self>> {
        let overlap = Self {
            inside: Atomic::new(0),
            came: Atomic::new(0),
            max: Atomic::new(0),
            runs: PerCpu::new(|| Ok(Atomic::new(0)))?,
            kept: Atomic::new(0),
        };
        Ok(Arc::new(overlap, GFP_KERNEL)?)
    }

    /// One more comes inside.
    pub(crate) fn enter(&self) {
        self.came.fetch_add(1, Full);
        let inside = self.inside.fetch_add(1, Full) + 1;
        let mut max = self.max.load(Relaxed);
        while inside > max {
            match self.max.cmpxchg(max, inside, Full) {
                Ok(_) => break,
                Err(other) => max = other,
            }
        }
    }

    /// One who has come inside leaves, on this CPU.
    pub(crate) fn leave(&self) {
        self.inside.fetch_sub(1, Full);
        self.runs.local().add(1, Relaxed);
    }

    /// Runs `body` as one more who is inside.
    pub(crate) fn during(&self, body: impl FnOnce()) {
        self.enter();
        body();
        self.leave();
    }

    /// Is inside until somebody else is, for at most `patience_ns`.
    ///
    /// Where CPUs are emulated, those that run for some microseconds each may
    /// not meet in a second.
    pub(crate) fn meet(&self, patience_ns: u64) {
        self.during(|| {
            clock::spin_until(patience_ns, || self.inside.load(Acquire) > 1);
        });
    }

    /// Calls `request`, by which somebody on this CPU is to come inside at once, and notes if nobody came
    /// although somebody was inside elsewhere all the time.
    pub(crate) fn notice(&self, request: impl FnOnce()) {
        let who = || (self.inside.load(Acquire) > 0).then(|| self.came.load(Acquire));
        let before = who();
        request();
        if before.is_some() && before == who() && self.max() < 2 {
            self.kept.add(1, Relaxed);
        }
    }

    /// How often one that was requested did not come beside one that was inside.
    pub(crate) fn nr_kept(&self) -> u64 {
        self.kept.load(Relaxed)
    }

    /// Whether it is known if two can be inside at a time: they were, or have been kept from it more
    /// often than by chance, as the first one may be just about to leave.
    pub(crate) fn is_known(&self) -> bool {
        const OFTEN: u64 = 20;

        self.max() > 1 || self.nr_kept() >= OFTEN
    }

    /// The most that were inside at a time.
    pub(crate) fn max(&self) -> u64 {
        self.max.load(Acquire)
    }

    /// How often somebody was inside.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.iter().map(|runs| runs.load(Relaxed)).sum()
    }

    /// On how many CPUs somebody was inside.
    pub(crate) fn nr_cpus(&self) -> usize {
        let has_run = |runs: &&Atomic<u64>| runs.load(Relaxed) > 0;
        self.runs.iter().filter(has_run).count()
    }
}

/// A body that waits for another one to come, for a while; the handler of a tasklet, of work in a
/// soft IRQ, of an old bottom half, of a DPC, or of an interrupt thread.
pub(crate) struct Meeting(pub(crate) Arc<Overlap>);

impl Meeting {
    fn run(&self) {
        const PATIENCE_NS: u64 = 500_000;

        self.0.meet(PATIENCE_NS);
    }
}

impl tasklet::Handler<tasklet::Kind> for Meeting {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        (**this).run();
    }
}

impl workqueue::Handler<workqueue::Kind<SoftIrq>> for Meeting {
    fn run(this: &Work<Self, SoftIrq>, _softirq: &SoftIrq) {
        (**this).run();
    }
}

impl dpc::Handler for Meeting {
    type Kind = dpc::Ordinary;

    fn run(this: &Dpc<Self>, _arguments: dpc::Arguments, _softirq: &SoftIrq) {
        (**this).run();
    }
}

impl interrupt_thread::Handler for Meeting {
    async fn serve(this: Arc<Self>, _run: interrupt_thread::Run) {
        this.run();
    }
}

impl old_bh::Routine for Meeting {
    fn run(&self, _softirq: &SoftIrq) {
        self.run();
    }
}
