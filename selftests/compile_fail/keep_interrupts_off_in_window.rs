// SPDX-License-Identifier: GPL-2.0

//! What keeps interrupts off cannot stay when a window opens them.

#![forbid(unsafe_code)]

use irqlab::{
    context::Task,
    interrupt::{
        local_interrupt_disable,
        LocalInterruptDisabled, //
    },
    interrupt_window::{
        self,
        Window, //
    },
};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

/// Has interrupts on, and a proof that they are off.
pub fn keep(task: &Task) -> Result<Option<LocalInterruptDisabled>> {
    let mut kept = None;
    let raise = || kept = Some(local_interrupt_disable());
    // ERROR: E0277 `*mut ()` cannot be sent between threads safely
    interrupt_window::open(Window::Nop, task, raise, || ())?;
    Ok(kept)
}
