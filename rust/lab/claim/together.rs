// SPDX-License-Identifier: GPL-2.0

//! Tasklets, or work, that are scheduled together, so that none of them runs before the last is.

use crate::claim::prelude::*;
use irqlab::{
    context::BottomHalvesDisabled,
    cpu::CpuId,
    interrupt::local_interrupt_disable, //
};

/// Calls `schedule` with interrupts off and bottom halves disabled, with the CPU that it is on.
/// What it schedules there runs when this returns, in the current task: also on `PREEMPT_RT`,
/// where another task could serve the soft IRQ if interrupts were all that is off.
pub(super) fn together<R>(trial: &Trial<'_>, schedule: impl FnOnce(CpuId) -> R) -> R {
    let _bottom_halves = BottomHalvesDisabled::new(trial.task);
    let _interrupts = local_interrupt_disable();
    schedule(CpuId::current())
}
