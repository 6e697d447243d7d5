// SPDX-License-Identifier: GPL-2.0

//! `delayed_wq`: delayed work: a timer of one tick, then a per-CPU work queue.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::{
    new_delayed_work,
    workqueue::Queue, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(super) const KIND: Kind = Kind {
    name: c"delayed_wq",
    about: "work delayed by one tick",
    new: || {
        let queue: Queue = Queue::per_cpu(c"irqlab_delayed_wq")?;
        let work = new_delayed_work!(Arc::new(queue, GFP_KERNEL)?, Record::new());
        deferred::new(work, |work| {
            work.queue(1);
        })
    },
};
