// SPDX-License-Identifier: GPL-2.0

//! What the two mechanisms on high-resolution timers share: all but the context.

use super::Mechanism;
use crate::record::Record;
use core::marker::PhantomData;
use irqlab::{
    context::{
        HardIrq,
        Snapshot, //
    },
    hrtimer::{
        Handler,
        HrTimer,
        TimerContext, //
    },
    irq::ThreadedIrqReturn,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

struct ByHrTimer<C: TimerContext + 'static> {
    record: Arc<Record>,
    timer: Pin<KBox<HrTimer<BottomHalf<C>>>>,
}

struct BottomHalf<C> {
    record: Arc<Record>,
    _context: PhantomData<fn(&C)>,
}

/// A mechanism whose bottom half is a timer that expires at once, in `C`.
pub(super) fn new<C: TimerContext + 'static>() -> Result<Arc<dyn Mechanism>> {
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let bottom_half = BottomHalf::<C> {
        record: record.clone(),
        _context: PhantomData,
    };
    let timer = KBox::pin_init(HrTimer::new(Ok(bottom_half)), GFP_KERNEL)?;
    Ok(Arc::new(ByHrTimer { record, timer }, GFP_KERNEL)?)
}

impl<C: TimerContext + 'static> Handler for BottomHalf<C> {
    type Context = C;

    fn run(this: &HrTimer<Self>, _context: &C) {
        this.record.bottom(&Snapshot::take());
    }
}

impl<C: TimerContext + 'static> Mechanism for ByHrTimer<C> {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.timer.start(0);
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
