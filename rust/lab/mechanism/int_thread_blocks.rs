// SPDX-License-Identifier: GPL-2.0

//! `int_thread_blocks`: an interrupt thread whose handler blocks, and goes on as a thread.
//!
//! The way of a handler that finds a lock taken: what it costs when that happens each time.

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
    name: c"int_thread_blocks",
    about: "an interrupt thread that blocks once",
    new: || by_interrupt_thread::new(BottomHalf),
};

struct BottomHalf(Arc<Record>);

impl Handler for BottomHalf {
    async fn serve(this: Arc<Self>, run: Run) {
        run.in_thread().await;
        this.0.bottom();
    }
}
