// SPDX-License-Identifier: GPL-2.0

//! `bh_wq`: a BH work queue, which runs its work in the soft IRQ for tasklets.
//!
//! What is to replace tasklets: the same place, the interface of work queues.

use super::{
    deferred,
    Kind, //
};
use irqlab::workqueue::Queue;

pub(super) const KIND: Kind = Kind {
    name: c"bh_wq",
    about: "a BH work queue",
    new: || deferred::work(Queue::bh(c"irqlab_bh_wq")?),
};
