// SPDX-License-Identifier: GPL-2.0

//! A bottom half, or a call, that counts how often it ran, and does nothing else.

use irqlab::{
    context::{
        HardIrq,
        IrqsOff,
        SoftIrq, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
    old_bh,
    smp::{
        self,
        Csd, //
    },
    tasklet::{
        self,
        Tasklet, //
    },
    workqueue::{
        self,
        Work, //
    },
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Relaxed,
    Release, //
};

/// How often it ran; the handler of a tasklet, of IRQ work, of work in a soft IRQ, of an old bottom
/// half, or of a call.
pub(crate) struct Runs {
    all: Atomic<u64>,
    in_hardirq: Atomic<u64>,
}

impl Runs {
    pub(crate) const fn new() -> Self {
        Self {
            all: Atomic::new(0),
            in_hardirq: Atomic::new(0),
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.all.load(Acquire)
    }

    /// How many of them were in a hard IRQ.
    pub(crate) fn in_hardirq(&self) -> u64 {
        self.in_hardirq.load(Relaxed)
    }

    fn add(&self, is_hardirq: bool) {
        self.in_hardirq.add(u64::from(is_hardirq), Relaxed);
        self.all.fetch_add(1, Release);
    }

    /// Notes that a call was made.
    pub(crate) fn call(&self, off: &IrqsOff) {
        self.add(off.hard_irq().is_some());
    }
}

impl tasklet::Handler<tasklet::Kind> for Runs {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.add(false);
    }
}

impl irq_work::Handler<irq_work::Kind<Now>> for Runs {
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        this.add(true);
    }
}

impl workqueue::Handler<workqueue::Kind<SoftIrq>> for Runs {
    fn run(this: &Work<Self, SoftIrq>, _softirq: &SoftIrq) {
        this.add(false);
    }
}

impl smp::Handler<smp::Kind> for Runs {
    fn run(this: &Csd<Self>, off: &IrqsOff) {
        this.call(off);
    }
}

impl old_bh::Routine for Runs {
    fn run(&self, _softirq: &SoftIrq) {
        self.add(false);
    }
}
