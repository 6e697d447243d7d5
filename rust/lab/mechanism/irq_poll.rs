// SPDX-License-Identifier: GPL-2.0

//! `irq_poll`: the block layer's poll, in a soft IRQ of its own.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use core::borrow::Borrow;
use irqlab::{
    context::{
        SoftIrq, //
    },
    irq_poll::{
        Handler,
        IrqPoll, //
    },
    word::Word,
};
use kernel::prelude::*;

pub(super) const KIND: Kind = Kind {
    name: c"irq_poll",
    about: "an IRQ poll",
    new: || {
        deferred::new(IrqPoll::new(WEIGHT, Completions::new()), |poll| {
            poll.pending.fetch_add(1);
            poll.schedule();
        })
    },
};

/// Completions at a time. Each poll finds one.
const WEIGHT: u8 = 4;

#[pin_data]
struct Completions {
    /// Interrupts that no poll has found yet.
    pending: Word,
    #[pin]
    record: Record,
}

impl Completions {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            pending: Word::new(0),
            record <- Record::new(),
        }? Error)
    }
}

impl Borrow<Record> for Completions {
    fn borrow(&self) -> &Record {
        &self.record
    }
}

impl Handler for Completions {
    fn poll(this: &IrqPoll<Self>, _softirq: &SoftIrq, _budget: u32) -> u32 {
        let found = this.pending.swap(0);
        if found > 0 {
            this.record.bottom();
        }
        found.min(1) as u32
    }

    fn has_more(this: &IrqPoll<Self>) -> bool {
        this.pending.load_acquire() > 0
    }
}
