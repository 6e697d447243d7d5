// SPDX-License-Identifier: GPL-2.0

//! `irq_work_lazy`: IRQ work that waits for the next timer tick.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::irq_work::{
    IrqWork,
    Lazy, //
};

pub(super) const KIND: Kind = Kind {
    name: c"irq_work_lazy",
    about: "IRQ work, at the next tick",
    new: || {
        deferred::new(IrqWork::<_, Lazy>::new(Record::new()), |work| {
            work.queue();
        })
    },
};
