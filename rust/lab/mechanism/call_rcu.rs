// SPDX-License-Identifier: GPL-2.0

//! `call_rcu`: an RCU callback, which waits until all readers have ended.
//!
//! Not to be soon, but to be sure that nobody uses what it takes away.

use super::{
    deferred,
    Kind, //
};
use crate::record::Record;
use irqlab::call_rcu::CallRcu;

pub(super) const KIND: Kind = Kind {
    name: c"call_rcu",
    about: "an RCU callback",
    new: || {
        deferred::new(CallRcu::new(Record::new()), |callback| {
            callback.queue();
        })
    },
};
