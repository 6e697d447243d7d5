// SPDX-License-Identifier: GPL-2.0

//! The task priority register (TPR) at work.

use crate::{
    claim::prelude::*,
    runs::Runs,
    waiting, //
};
use irqlab::{
    clock,
    irq_work::IrqWork,
    lapic, //
};

/// An interrupt to the CPU itself, under a raised task priority.
pub(super) struct Held {
    pub(super) waited: bool,
    pub(super) meanwhile: u64,
    pub(super) after: u64,
}

impl Held {
    pub(super) fn by_priority(trial: &Trial<'_>) -> Answer<Self> {
        const HELD_NS: u64 = 20_000;

        let work = KBox::pin_init(IrqWork::new(Ok(Runs::new())), GFP_KERNEL)?;
        let send = || {
            work.queue();
            let waits = waiting::arrives(lapic::IRQ_WORK_VECTOR);
            clock::spin_ns(HELD_NS);
            (waits, work.count())
        };
        let (waited, meanwhile) = if trial.is_control() {
            send()
        } else {
            lapic::at_highest_priority(trial.task, |_unsleeping| send())
        };
        // In the control it has run.
        trial.come("IRQ work", || work.count() > 0)?;
        Ok(Self {
            waited,
            meanwhile,
            after: work.count() - meanwhile,
        })
    }
}
