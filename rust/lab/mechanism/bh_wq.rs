// SPDX-License-Identifier: GPL-2.0

//! `bh_wq`: a BH work queue, which runs its work in the soft IRQ for tasklets.
//!
//! What is to replace tasklets: the same place, the interface of work queues.

use super::{
    Disabled,
    Kind,
    Mechanism, //
};
use crate::{
    record::Record,
    refusal::Answer, //
};
use irqlab::{
    context::{
        HardIrq,
        Snapshot,
        SoftIrq,
        Task, //
    },
    irq::ThreadedIrqReturn,
    new_work,
    workqueue::{
        self,
        Queue,
        Work, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) const KIND: Kind = Kind {
    name: c"bh_wq",
    about: "a BH work queue",
    new,
};

struct ByBhWork {
    record: Arc<Record>,
    // First the work, which may be on the queue.
    work: Arc<Work<BottomHalf>>,
    queue: Queue<SoftIrq>,
}

struct BottomHalf(Arc<Record>);

fn new() -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let work = Arc::pin_init(new_work!(Ok(BottomHalf(record.clone()))), GFP_KERNEL)?;
    let queue = Queue::bh(c"irqlab_bh_wq")?;
    Ok(Arc::new(
        ByBhWork {
            record,
            work,
            queue,
        },
        GFP_KERNEL,
    )?)
}

impl workqueue::Handler for BottomHalf {
    type Context = SoftIrq;

    fn run(this: &Work<Self>, _softirq: &SoftIrq) {
        this.0.bottom(&Snapshot::take());
    }
}

impl Mechanism for ByBhWork {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.work.queue(&self.queue);
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn disable(&self, task: &Task) -> Answer<Disabled> {
        Ok(KBox::new(self.work.disable(task), GFP_KERNEL)?)
    }
}
