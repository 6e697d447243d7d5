// SPDX-License-Identifier: GPL-2.0

//! What the two mechanisms on interrupt threads share: all but the handler.

use super::Mechanism;
use crate::record::Record;
use irqlab::{
    context::{
        HardIrq,
        Task, //
    },
    interrupt_thread::{
        Handler,
        Handlers,
        InterruptThreads,
        Level, //
    },
    irq::ThreadedIrqReturn,
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

struct ByInterruptThread {
    record: Arc<Record>,
    threads: InterruptThreads,
    level: Level,
}

/// A mechanism whose bottom half is the handler that `handler` makes of a record.
pub(super) fn new<H: Handler>(handler: fn(Arc<Record>) -> H) -> Result<Arc<dyn Mechanism>> {
    const LEVEL: u8 = 5;

    let level = Level::new(LEVEL).ok_or(EINVAL)?;
    let record = Arc::pin_init(Record::new(), GFP_KERNEL)?;
    let handler = Arc::new(handler(record.clone()), GFP_KERNEL)?;
    // The lab is made by a module's init.
    let task = Task::current().ok_or(EINVAL)?;
    let threads = InterruptThreads::new(Handlers::new().thread(level, handler)?, task)?;
    let by_interrupt_thread = ByInterruptThread {
        record,
        threads,
        level,
    };
    Ok(Arc::new(by_interrupt_thread, GFP_KERNEL)?)
}

impl Mechanism for ByInterruptThread {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        // Not refused: each CPU has a pool, the level has a handler, and who calls this keeps both.
        let _ = self.threads.raise(self.level);
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}
