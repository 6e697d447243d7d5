// SPDX-License-Identifier: GPL-2.0

//! `irq_work_lazy`: IRQ work that waits for the next timer tick.

use super::{
    by_irq_work,
    Kind, //
};
use irqlab::irq_work::Lazy;

pub(super) const KIND: Kind = Kind {
    name: c"irq_work_lazy",
    about: "IRQ work, at the next tick",
    new: by_irq_work::new::<Lazy>,
};
