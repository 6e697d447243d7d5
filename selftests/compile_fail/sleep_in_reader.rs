// SPDX-License-Identifier: GPL-2.0

//! What an RCU reader looks at may be gone once it has slept.

#![forbid(unsafe_code)]

use irqlab::{
    context::Task,
    rcu::Slot, //
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

pub fn look(slot: &Slot<u32>, task: &Task) {
    // ERROR: E0277 `*mut ()` cannot be shared between threads safely
    slot.read(|_value, _unsleeping| task.sleep_ms(1));
}
