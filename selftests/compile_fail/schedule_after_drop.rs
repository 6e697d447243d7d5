// SPDX-License-Identifier: GPL-2.0

//! What was dropped, which has killed it, cannot be scheduled.

#![forbid(unsafe_code)]

use irqlab::{
    context::SoftIrq,
    tasklet::{
        Handler,
        Kind,
        Tasklet, //
    },
};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

struct Idle;

impl Handler<Kind> for Idle {
    fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {}
}

/// Kills a tasklet, and wants it to run.
pub fn schedule_after_drop(tasklet: Pin<KBox<Tasklet<Idle>>>) {
    drop(tasklet);
    // ERROR: E0382 borrow of moved value
    tasklet.schedule();
}
