// SPDX-License-Identifier: GPL-2.0

//! `threadable`: no bottom half, and a handler that leaves its context to the kernel.
//!
//! That is what nearly all drivers have. In hard IRQ context it is `hard`; with forced threading (`threadirqs`,
//! `PREEMPT_RT`) it runs in a thread of the line, and then there is no top half but the kernel's own, which
//! only wakes that thread.

use super::{
    Anywhere,
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
    name: c"threadable",
    about: "the handler, where the kernel likes",
    new,
};

#[pin_data]
struct Threadable {
    #[pin]
    record: Record,
}

fn new() -> Result<Arc<dyn Mechanism>> {
    let threadable = Arc::pin_init(
        try_pin_init!(Threadable {
            record <- Record::new(),
        }? Error),
        GFP_KERNEL,
    )?;
    Ok(threadable)
}

impl Mechanism for Threadable {
    /// Not called: the handler has no token of a hard IRQ.
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        self.run();
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn anywhere(&self) -> Option<&dyn Anywhere> {
        Some(self)
    }
}

impl Anywhere for Threadable {
    fn run(&self) {
        self.record.bottom(&Snapshot::take());
    }
}
