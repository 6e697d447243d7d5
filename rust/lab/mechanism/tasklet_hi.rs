// SPDX-License-Identifier: GPL-2.0

//! `tasklet_hi`: the soft IRQ that runs before all others.

use super::{
    by_tasklet,
    Kind, //
};
use irqlab::tasklet::Tasklet;

pub(super) const KIND: Kind = Kind {
    name: c"tasklet_hi",
    about: "a tasklet of high priority",
    new: || by_tasklet::new(Tasklet::schedule_hi),
};
