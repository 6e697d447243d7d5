// SPDX-License-Identifier: GPL-2.0

//! The kernel's own counters of interrupts that have a vector of their own.

use irqlab::{
    cpu,
    emit,
    smp::Counter,
    text::Text, //
};
use kernel::prelude::*;

/// A line for each CPU that is online.
pub(crate) fn show(text: &mut Text) -> Result {
    emit!(text, "#cpu")?;
    for counter in Counter::ALL {
        emit!(text, " {}", counter.symbol())?;
    }
    emit!(text, "\n")?;
    for cpu in cpu::online() {
        emit!(text, "{}", cpu.as_u32())?;
        for counter in Counter::ALL {
            emit!(text, " {}", counter.on(cpu))?;
        }
        emit!(text, "\n")?;
    }
    Ok(())
}
