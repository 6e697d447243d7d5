// SPDX-License-Identifier: GPL-2.0

//! Nobody makes a token out of nothing without saying that it is unsafe.

#![deny(unsafe_code)]

use irqlab::context::{
    Context,
    Task, //
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn sleep() {
    // ERROR: E0133 call to unsafe function
    let task = Task::assume();
    task.sleep_ms(1);
}
