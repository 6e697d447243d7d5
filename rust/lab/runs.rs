// SPDX-License-Identifier: GPL-2.0

//! A bottom half that counts how often it ran, and does nothing else.

use irqlab::{
    context::{
        HardIrq,
        SoftIrq, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
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
    Atomic,
    Relaxed, //
};

/// How often it ran; the handler of a tasklet, of IRQ work, or of work in a soft IRQ.
pub(crate) struct Runs(Atomic<u64>);

impl Runs {
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl tasklet::Handler for Runs {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.add(1, Relaxed);
    }
}

impl irq_work::Handler for Runs {
    type When = Now;

    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        this.0.add(1, Relaxed);
    }
}

impl workqueue::Handler for Runs {
    type Context = SoftIrq;

    fn run(this: &Work<Self>, _softirq: &SoftIrq) {
        this.0.add(1, Relaxed);
    }
}
