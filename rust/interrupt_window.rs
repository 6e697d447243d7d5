// SPDX-License-Identifier: GPL-2.0

//! Windows: a few instructions with interrupts on, amid others with interrupts off.

use crate::{
    bindings,
    context::Task, //
};
use core::arch::asm;
use kernel::prelude::*;

/// What is between the instruction that turns interrupts on and the one that turns them off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Nothing: `sti; cli`.
    Empty,
    /// One instruction that does nothing: `sti; nop; cli`.
    Nop,
}

/// Turns interrupts off, calls `raise`, opens the window, and calls `look` behind it, still with
/// interrupts off. Returns what `look` says, with interrupts on again, as they were.
///
/// Neither function may sleep or keep interrupts off beyond its end: the window would be a lie to
/// whoever relies on that. As they are [`Send`], neither can have the token of a task with it, and a
/// guard that keeps interrupts off can neither stay in what they capture nor be what `look` returns.
/// Nor may they switch interrupts on.
///
/// Errors: `EPERM` if interrupts are off, so that the caller, or who called that, relies on it.
///
/// ```
/// # use irqlab::{context::{HardIrq, Task}, interrupt_window::{self, Window}};
/// # use irqlab::irq_work::{Handler, IrqWork, Kind, Now};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// # struct Count(Arc<Atomic<u64>>);
/// # impl Handler<Kind<Now>> for Count {
/// #     fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
/// #         this.0.add(1, Relaxed);
/// #     }
/// # }
/// fn came_in_time(raise: impl FnOnce() + Send, runs: &Atomic<u64>, task: &Task) -> Result<bool> {
///     interrupt_window::open(Window::Nop, task, raise, || runs.load(Relaxed) > 0)
/// }
///
/// # let runs = Arc::new(Atomic::new(0u64), GFP_KERNEL)?;
/// # let work = KBox::pin_init(IrqWork::new(Ok::<_, Error>(Count(runs.clone()))), GFP_KERNEL)?;
/// if !came_in_time(|| { work.queue(); }, &runs, task)? {
///     pr_info!("it was on its way\n");
/// }
/// drop(work);
/// assert_eq!(runs.load(Relaxed), 1);
/// ```
pub fn open<R: Send>(
    window: Window,
    _task: &Task,
    raise: impl FnOnce() + Send,
    look: impl FnOnce() -> R + Send,
) -> Result<R> {
    // Who has a guard that keeps interrupts off can have the token, too.
    //
    // SAFETY: Reads a flag of this CPU.
    if unsafe { bindings::irqs_disabled() } {
        return Err(EPERM);
    }
    // The kernel's own functions would tell its lock validator, which would see interrupts that come
    // while they are off.
    //
    // SAFETY: They are on, as was just seen. They are off until the end, but for the window.
    unsafe { asm!("cli", options(nostack)) };
    raise();
    // SAFETY: They were on when this was called, so nobody who called it relies on their being off; nor
    // does a guard that `raise` made, which is not `Send` and so ended with it. They are off again.
    unsafe {
        match window {
            Window::Empty => asm!("sti", "cli", options(nostack)),
            Window::Nop => asm!("sti", "nop", "cli", options(nostack)),
        }
    }
    let seen = look();
    // SAFETY: That is how they were when this was called; no guard of `look` is left, as of `raise`.
    unsafe { asm!("sti", options(nostack)) };
    Ok(seen)
}
