// SPDX-License-Identifier: GPL-2.0

//! `irq_work`: hard IRQ context again, by an interrupt that the CPU sends itself.
//!
//! The way out of NMIs and of sections with interrupts off.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::irq_work::{
    IrqWork,
    Now, //
};

pub(super) const KIND: Kind = Kind {
    name: c"irq_work",
    about: "IRQ work, at once",
    new: || {
        deferred::new(IrqWork::<_, Now>::new(Record::new()), |work| {
            work.queue();
        })
    },
};
