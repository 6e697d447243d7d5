// SPDX-License-Identifier: GPL-2.0

//! `bh_wq_hi`: a BH work queue in the soft IRQ that runs before all others.

use super::{
    deferred,
    Kind, //
};
use irqlab::workqueue::Queue;

pub(super) const KIND: Kind = Kind {
    name: c"bh_wq_hi",
    about: "a BH work queue of high priority",
    new: || deferred::work(Queue::bh_highpri(c"irqlab_bh_wq_hi")?),
};
