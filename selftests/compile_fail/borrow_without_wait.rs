// SPDX-License-Identifier: GPL-2.0

//! A call that nobody waits for cannot borrow from the stack, which one that waits can.

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        IrqsOff,
        Task, //
    },
    smp::{
        self,
        NoWait, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

/// Counts, and does not wait until all have counted.
pub fn count_calls(task: &Task) -> Result<i32> {
    let count = Atomic::new(0);
    smp::call_others(task, |_off| count.add(1, Relaxed));
    // ERROR: E0597 `count` does not live long enough
    let borrowed = &count;
    let counting = NoWait::new(move |_off: &IrqsOff| borrowed.add(1, Relaxed));
    KBox::pin_init(counting, GFP_KERNEL)?.call_others(task);
    Ok(count.load(Relaxed))
}
