// SPDX-License-Identifier: GPL-2.0

//! A parent interrupt: one in whose handler a line of the lab's own controller is raised, as the flow
//! handlers want to be called in hard IRQ context.

use crate::claim::prelude::*;
use irqlab::{
    context::HardIrq,
    irq_chip::{
        Chip,
        Line, //
    },
    irq_work::{
        Handler,
        IrqWork,
        Kind,
        Now, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Release, //
    },
    Arc, //
};

/// How far it has come.
pub(super) struct Progress {
    has_returned: Atomic<bool>,
}

impl Progress {
    pub(super) fn new() -> Result<Arc<Self>> {
        let progress = Self {
            has_returned: Atomic::new(false),
        };
        Ok(Arc::new(progress, GFP_KERNEL)?)
    }

    /// Whether the line's flow handler has returned to it.
    pub(super) fn has_returned(&self) -> bool {
        self.has_returned.load(Acquire)
    }
}

/// Raises the line once for each time that it is queued.
pub(super) struct Parent<C: Chip> {
    line: Arc<Line<C>>,
    pub(super) progress: Arc<Progress>,
}

impl<C: Chip> Parent<C> {
    pub(super) fn of(line: &Arc<Line<C>>) -> Result<Pin<KBox<IrqWork<Self>>>> {
        let parent = Self {
            line: line.clone(),
            progress: Progress::new()?,
        };
        KBox::pin_init(IrqWork::new(Ok(parent)), GFP_KERNEL)
    }
}

impl<C: Chip> Handler<Kind<Now>> for Parent<C> {
    fn run(this: &IrqWork<Self>, irq: &HardIrq) {
        let _ = this.line.raise(irq);
        this.progress.has_returned.store(true, Release);
    }
}
