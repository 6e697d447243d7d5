// SPDX-License-Identifier: GPL-2.0

//! `tasklet`: the soft IRQ for tasklets, on the CPU of the top half.
//!
//! Never on two CPUs at a time, which makes it easy to write and hard to scale.

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
    tasklet::{
        self,
        Tasklet, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) const KIND: Kind = Kind {
    name: c"tasklet",
    about: "TASKLET_SOFTIRQ",
    new,
};

struct ByTasklet {
    record: Arc<Record>,
    tasklet: Arc<Tasklet<BottomHalf>>,
}

struct BottomHalf(Arc<Record>);

fn new() -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let body = BottomHalf(record.clone());
    let tasklet = Arc::pin_init(Tasklet::new(Ok(body)), GFP_KERNEL)?;
    Ok(Arc::new(ByTasklet { record, tasklet }, GFP_KERNEL)?)
}

impl tasklet::Handler for BottomHalf {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.bottom(&Snapshot::take());
    }
}

impl Mechanism for ByTasklet {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.tasklet.schedule();
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn disable(&self, task: &Task) -> Answer<Disabled> {
        Ok(KBox::new(self.tasklet.disable(task), GFP_KERNEL)?)
    }
}
