// SPDX-License-Identifier: GPL-2.0

//! `timer`: a timer of one tick, in the timer soft IRQ.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::new_timer;

pub(super) const KIND: Kind = Kind {
    name: c"timer",
    about: "a timer of one tick",
    new: || {
        deferred::new(new_timer!(Record::new()), |timer| {
            timer.start(1);
        })
    },
};
