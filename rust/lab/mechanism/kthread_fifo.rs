// SPDX-License-Identifier: GPL-2.0

//! `kthread_fifo`: a kernel thread of the lab's own, SCHED_FIFO.
//!
//! What a threaded IRQ wakes, without the line: any code can queue work for it.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::kthread::{
    Priority,
    Work,
    Worker, //
};

pub(super) const KIND: Kind = Kind {
    name: c"kthread_fifo",
    about: "a real-time kernel thread",
    new: || {
        let worker = Worker::new(c"irqlab_kt_fifo", Priority::Fifo)?;
        deferred::new(Work::new(worker, Record::new()), |work| {
            work.queue();
        })
    },
};
