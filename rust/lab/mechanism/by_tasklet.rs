// SPDX-License-Identifier: GPL-2.0

//! What the two tasklet mechanisms share: all but the soft IRQ that runs them.

use super::{
    Disabled,
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
        Handler,
        Tasklet, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

struct ByTasklet {
    record: Arc<Record>,
    tasklet: Arc<Tasklet<BottomHalf>>,
    schedule: fn(&Tasklet<BottomHalf>),
}

pub(super) struct BottomHalf(Arc<Record>);

/// A mechanism whose bottom half is a tasklet, scheduled by `schedule`.
pub(super) fn new(schedule: fn(&Tasklet<BottomHalf>)) -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let bottom_half = BottomHalf(record.clone());
    let tasklet = Arc::pin_init(Tasklet::new(Ok(bottom_half)), GFP_KERNEL)?;
    let by_tasklet = ByTasklet {
        record,
        tasklet,
        schedule,
    };
    Ok(Arc::new(by_tasklet, GFP_KERNEL)?)
}

impl Handler for BottomHalf {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.bottom(&Snapshot::take());
    }
}

impl Mechanism for ByTasklet {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        (self.schedule)(&self.tasklet);
        // Disabled, it stays scheduled.
        self.record.given(true);
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn disable(&self, task: &Task) -> Answer<Disabled> {
        Ok(KBox::new(self.tasklet.disable(task), GFP_KERNEL)?)
    }
}
