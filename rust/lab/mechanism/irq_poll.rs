// SPDX-License-Identifier: GPL-2.0

//! `irq_poll`: the block layer's poll, in a soft IRQ of its own.

use super::{
    Kind,
    Mechanism, //
};
use crate::record::Record;
use irqlab::{
    context::{
        HardIrq,
        Snapshot,
        SoftIrq, //
    },
    irq::ThreadedIrqReturn,
    irq_poll::{
        Handler,
        IrqPoll, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) const KIND: Kind = Kind {
    name: c"irq_poll",
    about: "an IRQ poll",
    new,
};

/// Completions at a time. Each poll finds one.
const WEIGHT: u8 = 4;

struct ByPoll {
    record: Arc<Record>,
    poll: Pin<KBox<IrqPoll<BottomHalf>>>,
}

struct BottomHalf(Arc<Record>);

fn new() -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let bottom_half = BottomHalf(record.clone());
    let poll = KBox::pin_init(IrqPoll::new(WEIGHT, Ok(bottom_half)), GFP_KERNEL)?;
    Ok(Arc::new(ByPoll { record, poll }, GFP_KERNEL)?)
}

impl Handler for BottomHalf {
    fn poll(this: &IrqPoll<Self>, _softirq: &SoftIrq, _budget: u32) -> u32 {
        this.0.bottom(&Snapshot::take());
        1
    }
}

impl Mechanism for ByPoll {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.poll.schedule();
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
