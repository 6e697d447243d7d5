// SPDX-License-Identifier: GPL-2.0

//! `int_thread`: an interrupt thread whose handler does not block.
//!
//! It runs in the place of what was interrupted, with interrupts on. No switch, no wake-up.

use super::{
    by_interrupt_thread,
    Kind, //
};
use crate::record::Record;
use irqlab::{
    interrupt_thread::{
        Handler,
        Run, //
    }, //
};
use kernel::sync::Arc;

pub(super) const KIND: Kind = Kind {
    name: c"int_thread",
    about: "an interrupt thread that does not block",
    new: || by_interrupt_thread::new(BottomHalf),
};

struct BottomHalf(Arc<Record>);

impl Handler for BottomHalf {
    async fn serve(this: Arc<Self>, _run: Run) {
        this.0.bottom();
    }
}
