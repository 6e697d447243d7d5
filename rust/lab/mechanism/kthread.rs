// SPDX-License-Identifier: GPL-2.0

//! `kthread`: a kernel thread of the lab's own, at normal priority.

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
    name: c"kthread",
    about: "a kernel thread",
    new: || {
        let worker = Worker::new(c"irqlab_kt", Priority::Normal)?;
        deferred::new(Work::new(worker, Record::new()), |work| {
            work.queue();
        })
    },
};
