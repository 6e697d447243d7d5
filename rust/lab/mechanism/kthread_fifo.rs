// SPDX-License-Identifier: GPL-2.0

//! `kthread_fifo`: a kernel thread of the lab's own, SCHED_FIFO.
//!
//! What a threaded IRQ wakes, without the line: any code can queue work for it.

use super::{
    by_kthread,
    Kind, //
};
use irqlab::kthread::Priority;

pub(super) const KIND: Kind = Kind {
    name: c"kthread_fifo",
    about: "a real-time kernel thread",
    new: || by_kthread::new(c"irqlab_kt_fifo", Priority::Fifo),
};
