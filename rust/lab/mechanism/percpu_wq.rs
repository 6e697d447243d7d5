// SPDX-License-Identifier: GPL-2.0

//! `percpu_wq`: a per-CPU work queue: a kernel thread of the pool that all such
//! queues share.
//!
//! May sleep; runs at normal priority on the CPU of the top half, behind other
//! tasks.

use super::{
    deferred,
    Kind, //
};
use irqlab::workqueue::Queue;

pub(super) const KIND: Kind = Kind {
    name: c"percpu_wq",
    about: "a per-CPU work queue",
    new: || deferred::work(Queue::per_cpu(c"irqlab_percpu_wq")?),
};
