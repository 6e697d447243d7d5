// SPDX-License-Identifier: GPL-2.0

//! `threadable`: no bottom half, and a handler that leaves its context to the kernel.
//!
//! That is what nearly all drivers have. In hard IRQ context it is `hard`; with forced threading (`threadirqs`,
//! `PREEMPT_RT`) it runs in a thread of the line, and then there is no top half but the kernel's own, which
//! only wakes that thread.

use super::{
    by_top_half,
    Kind, //
};

pub(super) const KIND: Kind = Kind {
    name: c"threadable",
    about: "the handler, where the kernel likes",
    new: || by_top_half::new(true),
};
