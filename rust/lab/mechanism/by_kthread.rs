// SPDX-License-Identifier: GPL-2.0

//! What the two mechanisms on a kernel thread share: all but its priority.

use super::Mechanism;
use crate::record::Record;
use irqlab::{
    context::{
        HardIrq,
        Snapshot,
        Task, //
    },
    irq::ThreadedIrqReturn,
    kthread::{
        Handler,
        Priority,
        Work,
        Worker, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

struct ByKthread {
    record: Arc<Record>,
    work: Pin<KBox<Work<BottomHalf>>>,
}

struct BottomHalf(Arc<Record>);

/// A mechanism whose bottom half is work for a kernel thread called `name`.
pub(super) fn new(name: &'static CStr, priority: Priority) -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let bottom_half = BottomHalf(record.clone());
    let work = Work::new(Worker::new(name, priority)?, Ok(bottom_half));
    let work = KBox::pin_init(work, GFP_KERNEL)?;
    Ok(Arc::new(ByKthread { record, work }, GFP_KERNEL)?)
}

impl Handler for BottomHalf {
    fn run(this: &Work<Self>, _task: &Task) {
        this.0.bottom(&Snapshot::take());
    }
}

impl Mechanism for ByKthread {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.work.queue();
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
