// SPDX-License-Identifier: GPL-2.0

//! What runs beside a window of interrupts cannot have the token of a task with it: they are off.

#![forbid(unsafe_code)]

use irqlab::{
    context::Task,
    interrupt_window::{
        self,
        Window, //
    },
};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

/// Sleeps before the window.
pub fn sleep(task: &Task) -> Result {
    // ERROR: E0277 `*mut ()` cannot be shared between threads safely
    interrupt_window::open(Window::Nop, task, || task.sleep_ms(1), || ())
}
