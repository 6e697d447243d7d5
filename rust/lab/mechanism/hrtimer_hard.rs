// SPDX-License-Identifier: GPL-2.0

//! `hrtimer_hard`: a high-resolution timer that expires at once, in hard IRQ context.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::{
    context::HardIrq,
    hrtimer::HrTimer, //
};

pub(super) const KIND: Kind = Kind {
    name: c"hrtimer_hard",
    about: "a high-resolution timer, in hard IRQ context",
    new: || {
        deferred::new(HrTimer::<_, HardIrq>::new(Record::new()), |timer| {
            timer.start(0);
        })
    },
};
