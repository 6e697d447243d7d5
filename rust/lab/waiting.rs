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

    clock::spin_until(PATIENCE_NS, || lapic::is_requested(vector))
}
