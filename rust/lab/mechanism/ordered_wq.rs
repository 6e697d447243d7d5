// SPDX-License-Identifier: GPL-2.0

//! `ordered_wq`: an ordered work queue: one item at a time, in order.
//!
//! Spares its users a lock, and makes them wait for each other.

use super::{
    by_work,
    Kind, //
};
use irqlab::workqueue::Queue;

pub(super) const KIND: Kind = Kind {
    name: c"ordered_wq",
    about: "an ordered work queue",
    new: || by_work::new(Queue::ordered(c"irqlab_ordered_wq")?),
};
