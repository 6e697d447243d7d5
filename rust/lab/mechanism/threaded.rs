// SPDX-License-Identifier: GPL-2.0

//! `threaded`: the line's own kernel thread, which may sleep.
//!
//! A SCHED_FIFO thread for each line: it preempts ordinary tasks, and each
//! interrupt costs a wake-up and a switch to it.

use super::{
    Kind,
    Mechanism,
    ThreadedBottomHalf, //
};
use crate::record::Record;
use irqlab::{
    context::{
        HardIrq,
        Task, //
    },
    irq::ThreadedIrqReturn, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) const KIND: Kind = Kind {
    name: c"threaded",
    about: "the line's own thread",
    new,
};

#[pin_data]
struct Threaded {
    #[pin]
    record: Record,
}

fn new() -> Result<Arc<dyn Mechanism>> {
    let threaded = Arc::pin_init(
        try_pin_init!(Threaded {
            record <- Record::new(),
        }? Error),
        GFP_KERNEL,
    )?;
    Ok(threaded)
}

impl Mechanism for Threaded {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        ThreadedIrqReturn::WakeThread
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn thread(&self) -> Option<&dyn ThreadedBottomHalf> {
        Some(self)
    }
}

impl ThreadedBottomHalf for Threaded {
    fn run(&self, _task: &Task) {
        self.record.bottom();
    }
}
