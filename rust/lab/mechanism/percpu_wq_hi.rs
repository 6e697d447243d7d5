// SPDX-License-Identifier: GPL-2.0

//! `percpu_wq_hi`: a per-CPU work queue whose threads have the highest nice level.

use super::{
    deferred,
    Kind, //
};
use irqlab::workqueue::Queue;

pub(super) const KIND: Kind = Kind {
    name: c"percpu_wq_hi",
    about: "a per-CPU work queue of high priority",
    new: || deferred::work(Queue::per_cpu_highpri(c"irqlab_percpu_wq_hi")?),
};
