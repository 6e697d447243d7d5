// SPDX-License-Identifier: GPL-2.0

//! `hard`: no bottom half. The top half does all the work itself.
//!
//! The quickest, and everything else on the CPU waits for it.

use super::{
    Kind,
    Mechanism, //
};
use crate::record::Record;
use irqlab::{
    context::{
        HardIrq,
        Snapshot, //
    },
    irq::ThreadedIrqReturn, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) const KIND: Kind = Kind {
    name: c"hard",
    about: "the top half itself",
    new,
};

#[pin_data]
struct Hard {
    #[pin]
    record: Record,
}

fn new() -> Result<Arc<dyn Mechanism>> {
    let hard = Arc::pin_init(
        try_pin_init!(Hard {
            record <- Record::new(),
        }? Error),
        GFP_KERNEL,
    )?;
    Ok(hard)
}

impl Mechanism for Hard {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.record.bottom(&Snapshot::take());
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
