// SPDX-License-Identifier: GPL-2.0

//! Waiting interrupts: those that have arrived at a CPU which does not take them.

use irqlab::{
    clock,
    lapic, //
};

/// Whether an interrupt of `vector` arrives and waits at this CPU, which does
/// not take any now. Gives it a moment: a device is not on the CPU's clock.
pub(crate) fn arrives(vector: u8) -> bool {
    const PATIENCE_NS: u64 = 500_000;

    let start_ns = clock::now_ns();
    while !lapic::is_requested(vector) {
        if clock::now_ns().wrapping_sub(start_ns) > PATIENCE_NS {
            return false;
        }
        core::hint::spin_loop();
    }
    true
}
