// SPDX-License-Identifier: GPL-2.0

//! The token of a hard IRQ does not come back from the CPU that it is of.

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        HardIrq,
        Task, //
    },
    cpu::CpuId,
    smp, //
};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

/// Brings home what is true there only.
pub fn bring_home(cpu: CpuId, task: &Task) -> Result<Option<&'static HardIrq>> {
    // ERROR: E0277 `*mut ()` cannot be shared between threads safely
    smp::call_on(cpu, task, |off| off.hard_irq())
}
