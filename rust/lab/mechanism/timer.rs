// SPDX-License-Identifier: GPL-2.0

//! `timer`: a timer of one tick, in the timer soft IRQ.

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
    new_timer,
    timer::{
        Handler,
        Timer, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) const KIND: Kind = Kind {
    name: c"timer",
    about: "a timer of one tick",
    new,
};

struct ByTimer {
    record: Arc<Record>,
    timer: Pin<KBox<Timer<BottomHalf>>>,
}

struct BottomHalf(Arc<Record>);

fn new() -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let bottom_half = BottomHalf(record.clone());
    let timer = KBox::pin_init(new_timer!(Ok(bottom_half)), GFP_KERNEL)?;
    Ok(Arc::new(ByTimer { record, timer }, GFP_KERNEL)?)
}

impl Handler for BottomHalf {
    fn run(this: &Timer<Self>, _softirq: &SoftIrq) {
        this.0.bottom(&Snapshot::take());
    }
}

impl Mechanism for ByTimer {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.timer.start(1);
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
