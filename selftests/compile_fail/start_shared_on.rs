// SPDX-License-Identifier: GPL-2.0

//! A timer is started on another CPU by who has it for itself: somebody else could start it meanwhile.

#![forbid(unsafe_code)]

use irqlab::{
    context::Task,
    cpu::CpuId,
    timer::{
        Handler,
        Kind,
        Timer, //
    },
};
use kernel::sync::Arc;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn start<T: Handler<Kind>>(timer: Arc<Timer<T>>, cpu: CpuId, task: &Task) {
    // ERROR: E0599 no method named `start_on` found
    timer.start_on(cpu, 1, task);
}
