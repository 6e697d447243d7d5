// SPDX-License-Identifier: GPL-2.0

//! `tasklet`: the soft IRQ for tasklets, on the CPU of the top half.
//!
//! Never on two CPUs at a time, which makes it easy to write and hard to scale.

use super::{
    by_tasklet,
    Kind, //
};
use irqlab::tasklet::Tasklet;

pub(super) const KIND: Kind = Kind {
    name: c"tasklet",
    about: "a tasklet",
    new: || by_tasklet::new(Tasklet::schedule),
};
