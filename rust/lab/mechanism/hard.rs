// SPDX-License-Identifier: GPL-2.0

//! `hard`: no bottom half. The top half does all the work itself.
//!
//! The quickest, and everything else on the CPU waits for it.

use super::{
    by_top_half,
    Kind, //
};

pub(super) const KIND: Kind = Kind {
    name: c"hard",
    about: "the top half itself",
    new: || by_top_half::new(false),
};
