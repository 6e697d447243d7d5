// SPDX-License-Identifier: GPL-2.0

//! `hrtimer_soft`: a high-resolution timer that expires at once, in the soft IRQ.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::{
    context::SoftIrq,
    hrtimer::HrTimer, //
};

pub(super) const KIND: Kind = Kind {
    name: c"hrtimer_soft",
    about: "a high-resolution timer, in soft IRQ context",
    new: || {
        deferred::new(HrTimer::<_, SoftIrq>::new(Record::new()), |timer| {
            timer.start(0);
        })
    },
};
