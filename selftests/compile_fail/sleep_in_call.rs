// SPDX-License-Identifier: GPL-2.0

//! A function that a CPU is told to call cannot sleep: it cannot bring the caller's token.

#![forbid(unsafe_code)]

use irqlab::{
    context::Task,
    cpu::CpuId,
    smp, //
};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

/// Sleeps on another CPU, as if that were this task.
pub fn sleep_there(cpu: CpuId, task: &Task) -> Result {
    // ERROR: E0277 `*mut ()` cannot be shared between threads safely
    smp::call_on(cpu, task, |_off| task.sleep_ms(1))
}
