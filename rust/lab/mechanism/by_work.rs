// SPDX-License-Identifier: GPL-2.0

//! What the mechanisms on work queues share: a piece of work, whatever its queue.

use super::{
    Disabled,
    Mechanism, //
};
use crate::{
    record::Record,
    refusal::Answer, //
};
use core::marker::PhantomData;
use irqlab::{
    context::{
        Context,
        HardIrq,
        Snapshot,
        Task, //
    },
    irq::ThreadedIrqReturn,
    new_work,
    workqueue::{
        Handler,
        Queue,
        Work, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

struct ByWork<C: Context + 'static> {
    record: Arc<Record>,
    // First the work, which may be on the queue.
    work: Arc<Work<BottomHalf<C>>>,
    queue: Queue<C>,
}

struct BottomHalf<C> {
    record: Arc<Record>,
    _context: PhantomData<fn(&C)>,
}

/// A mechanism whose bottom half is work on `queue`.
pub(super) fn new<C: Context + 'static>(queue: Queue<C>) -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let bottom_half = BottomHalf {
        record: record.clone(),
        _context: PhantomData,
    };
    let work = Arc::pin_init(new_work!(Ok(bottom_half)), GFP_KERNEL)?;
    let by_work = ByWork {
        record,
        work,
        queue,
    };
    Ok(Arc::new(by_work, GFP_KERNEL)?)
}

impl<C: Context + 'static> Handler for BottomHalf<C> {
    type Context = C;

    fn run(this: &Work<Self>, _context: &C) {
        this.record.bottom(&Snapshot::take());
    }
}

impl<C: Context + 'static> Mechanism for ByWork<C> {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        // Disabled, it is not queued.
        self.record.given(self.work.queue(&self.queue));
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn disable(&self, task: &Task) -> Answer<Disabled> {
        Ok(KBox::new(self.work.disable(task), GFP_KERNEL)?)
    }
}
