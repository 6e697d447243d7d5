// SPDX-License-Identifier: GPL-2.0

//! `ordered_wq`: an ordered work queue: one item at a time, in order.
//!
//! Spares its users a lock, and makes them wait for each other.

use super::{
    deferred,
    Kind, //
};
use irqlab::workqueue::Queue;

pub(super) const KIND: Kind = Kind {
    name: c"ordered_wq",
    about: "an ordered work queue",
    new: || deferred::work(Queue::ordered(c"irqlab_ordered_wq")?),
};
