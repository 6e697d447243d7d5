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
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full, //
        },
        Arc, //
    },
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
    pending: Arc<Atomic<u32>>,
    poll: Pin<KBox<IrqPoll<BottomHalf>>>,
}

struct BottomHalf {
    record: Arc<Record>,
    /// Interrupts that no poll has found yet.
    pending: Arc<Atomic<u32>>,
}

fn new() -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let pending = Arc::new(Atomic::new(0), GFP_KERNEL)?;
    let bottom_half = BottomHalf {
        record: record.clone(),
        pending: pending.clone(),
    };
    let poll = KBox::pin_init(IrqPoll::new(WEIGHT, Ok(bottom_half)), GFP_KERNEL)?;
    let by_poll = ByPoll {
        record,
        pending,
        poll,
    };
    Ok(Arc::new(by_poll, GFP_KERNEL)?)
}

impl Handler for BottomHalf {
    fn poll(this: &IrqPoll<Self>, _softirq: &SoftIrq, _budget: u32) -> u32 {
        let found = this.pending.xchg(0, Full);
        if found > 0 {
            this.record.bottom(&Snapshot::take());
        }
        found.min(1)
    }

    fn has_more(this: &IrqPoll<Self>) -> bool {
        this.pending.load(Acquire) > 0
    }
}

impl Mechanism for ByPoll {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.pending.fetch_add(1, Full);
        self.poll.schedule();
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
