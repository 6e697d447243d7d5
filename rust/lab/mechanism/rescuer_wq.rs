// SPDX-License-Identifier: GPL-2.0

//! `rescuer_wq`: an unbound work queue with a thread in reserve (WQ_MEM_RECLAIM).
//!
//! For work that memory is waiting for; the reserve only acts when it is short.

use super::{
    deferred,
    Kind, //
};
use irqlab::workqueue::Queue;

pub(super) const KIND: Kind = Kind {
    name: c"rescuer_wq",
    about: "an unbound work queue with a rescuer",
    new: || deferred::work(Queue::mem_reclaim(c"irqlab_rescuer_wq")?),
};
