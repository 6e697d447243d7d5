// SPDX-License-Identifier: GPL-2.0

//! `tasklet_hi`: the soft IRQ that runs before all others.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::tasklet::Tasklet;

pub(super) const KIND: Kind = Kind {
    name: c"tasklet_hi",
    about: "a tasklet of high priority",
    new: || {
        deferred::that_can_be_disabled(Tasklet::new(Record::new()), |tasklet| {
            tasklet.schedule_hi();
            // Disabled, it stays scheduled.
            tasklet.given(true);
        })
    },
};
