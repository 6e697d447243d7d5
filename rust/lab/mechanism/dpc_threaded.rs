// SPDX-License-Identifier: GPL-2.0

//! `dpc_threaded`: a threaded DPC, in a real-time thread of its CPU for all of them.

use super::{
    by_dpc,
    Kind, //
};
use irqlab::dpc::{
    Importance,
    Threaded, //
};

pub(super) const KIND: Kind = Kind {
    name: c"dpc_threaded",
    about: "a threaded DPC",
    new: || by_dpc::new::<Threaded>(Importance::Medium),
};
