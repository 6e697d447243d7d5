// SPDX-License-Identifier: GPL-2.0

//! `tasklet`: the soft IRQ for tasklets, on the CPU of the top half.
//!
//! Never on two CPUs at a time, which makes it easy to write and hard to scale.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::tasklet::Tasklet;

pub(super) const KIND: Kind = Kind {
    name: c"tasklet",
    about: "a tasklet",
    new: || {
        deferred::that_can_be_disabled(Tasklet::new(Record::new()), |tasklet| {
            tasklet.schedule();
            // Disabled, it stays scheduled.
            tasklet.given(true);
        })
    },
};
