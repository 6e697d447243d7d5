// SPDX-License-Identifier: GPL-2.0

//! Who holds a raw spinlock may not sleep: the token stays outside.

#![forbid(unsafe_code)]

use irqlab::{
    context::Task,
    raw_spinlock::RawSpinLock, //
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn count(total: &RawSpinLock<u64>, task: &Task) {
    // ERROR: E0277 `*mut ()` cannot be shared between threads safely
    total.with(|total, _off| {
        *total += 1;
        task.sleep_ms(1);
    });
}
