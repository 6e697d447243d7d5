// SPDX-License-Identifier: GPL-2.0

//! `kthread`: a kernel thread of the lab's own, at normal priority.

use super::{
    by_kthread,
    Kind, //
};
use irqlab::kthread::Priority;

pub(super) const KIND: Kind = Kind {
    name: c"kthread",
    about: "a kernel thread",
    new: || by_kthread::new(c"irqlab_kt", Priority::Normal),
};
