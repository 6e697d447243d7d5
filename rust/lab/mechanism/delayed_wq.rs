// SPDX-License-Identifier: GPL-2.0

//! `delayed_wq`: delayed work: a timer of one tick, then a per-CPU work queue.

use super::{
    Kind,
    Mechanism, //
};
use crate::record::Record;
use irqlab::{
    context::{
        HardIrq,
        Snapshot,
        Task, //
    },
    irq::ThreadedIrqReturn,
    new_delayed_work,
    workqueue::{
        DelayedHandler,
        DelayedWork,
        Queue, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) const KIND: Kind = Kind {
    name: c"delayed_wq",
    about: "work delayed by one tick",
    new,
};

struct ByDelayedWork {
    record: Arc<Record>,
    // First the work, which may be on the queue.
    work: Pin<KBox<DelayedWork<BottomHalf>>>,
    queue: Queue<Task>,
}

struct BottomHalf(Arc<Record>);

fn new() -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let bottom_half = BottomHalf(record.clone());
    let by_delayed_work = ByDelayedWork {
        record,
        work: KBox::pin_init(new_delayed_work!(Ok(bottom_half)), GFP_KERNEL)?,
        queue: Queue::per_cpu(c"irqlab_delayed_wq")?,
    };
    Ok(Arc::new(by_delayed_work, GFP_KERNEL)?)
}

impl DelayedHandler for BottomHalf {
    fn run(this: &DelayedWork<Self>, _task: &Task) {
        this.0.bottom(&Snapshot::take());
    }
}

impl Mechanism for ByDelayedWork {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.work.queue(&self.queue, 1);
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
