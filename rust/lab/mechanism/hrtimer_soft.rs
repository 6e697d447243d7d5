// SPDX-License-Identifier: GPL-2.0

//! `hrtimer_soft`: a high-resolution timer that expires at once, in the soft IRQ.

use super::{
    by_hrtimer,
    Kind, //
};
use irqlab::context::SoftIrq;

pub(super) const KIND: Kind = Kind {
    name: c"hrtimer_soft",
    about: "a high-resolution timer, in soft IRQ context",
    new: by_hrtimer::new::<SoftIrq>,
};
