// SPDX-License-Identifier: GPL-2.0

//! `unbound_wq`: a work queue whose threads run wherever the scheduler likes.
//!
//! For long work: it does not hold up other work of this CPU.

use super::{
    deferred,
    Kind, //
};
use irqlab::workqueue::Queue;

pub(super) const KIND: Kind = Kind {
    name: c"unbound_wq",
    about: "an unbound work queue",
    new: || deferred::work(Queue::unbound(c"irqlab_unbound_wq")?),
};
