// SPDX-License-Identifier: GPL-2.0

//! Windows: a few instructions with interrupts on, amid others with interrupts off.

use crate::context::Task;
use core::arch::asm;

/// What is between the instruction that turns interrupts on and the one that turns them off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Nothing: `sti; cli`.
    Empty,
    /// One instruction that does nothing: `sti; nop; cli`.
    Nop,
}

/// Turns interrupts off, calls `raise`, opens the window, and calls `look` behind it, still with
/// interrupts off. Neither may sleep. Returns what `look` says, with interrupts on.
///
/// ```
/// # use irqlab::{context::Task, interrupt_window::{self, Window}};
/// # use kernel::sync::atomic::{Atomic, Relaxed};
/// fn came_in_time(raise: impl FnOnce(), runs: &Atomic<u64>, task: &Task) -> bool {
///     interrupt_window::open(Window::Nop, task, raise, || runs.load(Relaxed) > 0)
/// }
/// ```
pub fn open<R>(window: Window, _task: &Task, raise: impl FnOnce(), look: impl FnOnce() -> R) -> R {
    // The kernel's own functions would tell its lock validator, which would see interrupts that come
    // while they are off.
    //
    // SAFETY: The token says that interrupts are on. They are off until the end, but for the window.
    unsafe { asm!("cli", options(nostack)) };
    raise();
    // SAFETY: They were on when this was called, so that they may be on here; they are off again.
    unsafe {
        match window {
            Window::Empty => asm!("sti", "cli", options(nostack)),
            Window::Nop => asm!("sti", "nop", "cli", options(nostack)),
        }
    }
    let seen = look();
    // SAFETY: They were on when this was called.
    unsafe { asm!("sti", options(nostack)) };
    seen
}
