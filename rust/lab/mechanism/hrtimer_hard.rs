// SPDX-License-Identifier: GPL-2.0

//! `hrtimer_hard`: a high-resolution timer that expires at once, in hard IRQ context.

use super::{
    by_hrtimer,
    Kind, //
};
use irqlab::context::HardIrq;

pub(super) const KIND: Kind = Kind {
    name: c"hrtimer_hard",
    about: "a high-resolution timer, in hard IRQ context",
    new: by_hrtimer::new::<HardIrq>,
};
