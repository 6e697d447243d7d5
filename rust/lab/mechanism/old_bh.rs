// SPDX-License-Identifier: GPL-2.0

//! `old_bh`: a bottom half of Linux 2.4, in the slot that any driver could use.
//!
//! One slot at a time runs in the whole system: the easiest to write, and it makes CPUs wait for
//! each other's work.

use super::{
    Disabled,
    Kind,
    Mechanism, //
};
use crate::{
    old_bh,
    record::Record,
    refusal::Answer, //
};
use irqlab::{
    context::{
        HardIrq,
        SoftIrq,
        Task, //
    },
    irq::ThreadedIrqReturn,
    old_bh::{
        Routine,
        Slot, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) const KIND: Kind = Kind {
    name: c"old_bh",
    about: "a bottom half of Linux 2.4",
    new,
};

struct OldBh {
    record: Arc<Record>,
    slot: Arc<Slot>,
}

struct BottomHalf(Arc<Record>);

fn new() -> Result<Arc<dyn Mechanism>> {
    let task = Task::current().ok_or(EINVAL)?;
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let routine = Arc::new(BottomHalf(record.clone()), GFP_KERNEL)?;
    let slot = old_bh::set()?.init(old_bh::MECHANISM, routine, task)?;
    let slot = Arc::new(slot, GFP_KERNEL)?;
    Ok(Arc::new(OldBh { record, slot }, GFP_KERNEL)?)
}

impl Routine for BottomHalf {
    fn run(&self, _softirq: &SoftIrq) {
        self.0.bottom();
    }
}

impl Mechanism for OldBh {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.slot.mark();
        // Disabled, it stays marked.
        self.record.given(true);
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn disable(&self, task: &Task) -> Answer<Disabled> {
        Ok(KBox::new(self.slot.disable(task), GFP_KERNEL)?)
    }
}
