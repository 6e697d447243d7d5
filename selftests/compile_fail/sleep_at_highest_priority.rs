// SPDX-License-Identifier: GPL-2.0

//! With the task priority raised, no interrupt would wake who sleeps.

#![forbid(unsafe_code)]

use irqlab::{
    context::Task,
    lapic, //
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn wait(task: &Task) {
    // ERROR: E0277 `*mut ()` cannot be shared between threads safely
    lapic::at_highest_priority(task, |_unsleeping| task.sleep_ms(1));
}
