// SPDX-License-Identifier: GPL-2.0

//! `dpc`: a deferred procedure call as Windows has them, at the end of its CPU's queue.

use super::{
    by_dpc,
    Kind, //
};
use irqlab::dpc::{
    Importance,
    Ordinary, //
};

pub(super) const KIND: Kind = Kind {
    name: c"dpc",
    about: "a DPC of Medium importance",
    new: || by_dpc::new::<Ordinary>(Importance::Medium),
};
