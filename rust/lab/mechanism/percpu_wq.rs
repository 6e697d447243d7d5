// SPDX-License-Identifier: GPL-2.0

//! `percpu_wq`: a per-CPU work queue: a kernel thread of the pool that all such share.
//!
//! May sleep; runs at normal priority on the CPU of the top half, behind other tasks.

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
    name: c"percpu_wq",
    about: "a per-CPU work queue",
    new,
};

struct ByPerCpuWork {
    record: Arc<Record>,
    // First the work, which may be on the queue.
    work: Arc<Work<BottomHalf>>,
    queue: Queue<Task>,
}

struct BottomHalf(Arc<Record>);

fn new() -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let work = Arc::pin_init(new_work!(Ok(BottomHalf(record.clone()))), GFP_KERNEL)?;
    let queue = Queue::per_cpu(c"irqlab_percpu_wq")?;
    Ok(Arc::new(
        ByPerCpuWork {
            record,
            work,
            queue,
        },
        GFP_KERNEL,
    )?)
}

impl workqueue::Handler for BottomHalf {
    type Context = Task;

    fn run(this: &Work<Self>, _task: &Task) {
        this.0.bottom(&Snapshot::take());
    }
}

impl Mechanism for ByPerCpuWork {
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
