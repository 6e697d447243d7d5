// SPDX-License-Identifier: GPL-2.0

//! What the mechanisms without a bottom half share: the line's handler does all the work.

use super::{
    Anywhere,
    Mechanism, //
};
use crate::record::Record;
use irqlab::{
    context::HardIrq,
    irq::ThreadedIrqReturn, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

#[pin_data]
struct ByTopHalf {
    is_threadable: bool,
    #[pin]
    record: Record,
}

/// A mechanism whose handler leaves its context to the kernel, if it `is_threadable`; else it is a hard IRQ.
pub(super) fn new(is_threadable: bool) -> Result<Arc<dyn Mechanism>> {
    let by_top_half = Arc::pin_init(
        try_pin_init!(ByTopHalf {
            is_threadable,
            record <- Record::new(),
        }? Error),
        GFP_KERNEL,
    )?;
    Ok(by_top_half)
}

impl Mechanism for ByTopHalf {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.run();
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn anywhere(&self) -> Option<&dyn Anywhere> {
        if self.is_threadable {
            Some(self)
        } else {
            None
        }
    }
}

impl Anywhere for ByTopHalf {
    #[inline]
    fn run(&self) {
        self.record.bottom();
    }
}
