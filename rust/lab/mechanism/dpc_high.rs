// SPDX-License-Identifier: GPL-2.0

//! `dpc_high`: as `dpc`, at the head of the queue.

use super::{
    by_dpc,
    Kind, //
};
use irqlab::dpc::{
    Importance,
    Ordinary, //
};

pub(super) const KIND: Kind = Kind {
    name: c"dpc_high",
    about: "a DPC of High importance",
    new: || by_dpc::new::<Ordinary>(Importance::High),
};
