// SPDX-License-Identifier: GPL-2.0

//! What the two mechanisms on IRQ work share: all but when it runs.

use super::Mechanism;
use crate::record::Record;
use core::marker::PhantomData;
use irqlab::{
    context::{
        HardIrq,
        Snapshot, //
    },
    irq::ThreadedIrqReturn,
    irq_work::{
        Handler,
        IrqWork,
        When, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

struct ByIrqWork<W: When + 'static> {
    record: Arc<Record>,
    work: Pin<KBox<IrqWork<BottomHalf<W>>>>,
}

struct BottomHalf<W> {
    record: Arc<Record>,
    _when: PhantomData<fn(&W)>,
}

/// A mechanism whose bottom half is IRQ work that runs at `W`.
pub(super) fn new<W: When + 'static>() -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let bottom_half = BottomHalf::<W> {
        record: record.clone(),
        _when: PhantomData,
    };
    let work = KBox::pin_init(IrqWork::new(Ok(bottom_half)), GFP_KERNEL)?;
    Ok(Arc::new(ByIrqWork { record, work }, GFP_KERNEL)?)
}

impl<W: When + 'static> Handler for BottomHalf<W> {
    type When = W;

    fn run(this: &IrqWork<Self>, _context: &W::Context) {
        this.record.bottom(&Snapshot::take());
    }
}

impl<W: When + 'static> Mechanism for ByIrqWork<W> {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.work.queue();
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
