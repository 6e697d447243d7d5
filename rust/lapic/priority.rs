// SPDX-License-Identifier: GPL-2.0

//! The task priority: interrupts of which classes this CPU takes.
//!
//! Linux lets all of them through and uses interrupt flag and masks instead.

use crate::{
    bindings,
    context::{
        Context,
        Task,
        Unsleeping, //
    },
};

/// Runs `f` with the task priority raised to 0xf0, so that this CPU takes no interrupt
/// but NMIs although interrupts are on: they wait in its local APIC.
///
/// `f` may not sleep, and should be short, as if interrupts were off. As it is [`Send`], it cannot have the
/// token of a task with it.
///
/// ```
/// # use irqlab::{context::{HardIrq, Task}, irq_work::{Handler, IrqWork, Kind, Now}, lapic};
/// # use kernel::prelude::*;
/// # struct Nothing;
/// # impl Handler<Kind<Now>> for Nothing {
/// #     fn run(_this: &IrqWork<Self>, _irq: &HardIrq) {}
/// # }
/// fn all_wait(vector: u8, raise: impl Fn() + Sync, task: &Task) -> bool {
///     lapic::at_highest_priority(task, |_unsleeping| {
///         raise();
///         irqlab::clock::spin_until(1_000_000, || lapic::is_requested(vector))
///     })
/// }
///
/// # if !irqlab::irq_work::has_interrupt() { skip!("no local APIC") }
/// # let work = KBox::pin_init(IrqWork::new(Ok::<_, Error>(Nothing)), GFP_KERNEL)?;
/// assert!(all_wait(lapic::IRQ_WORK_VECTOR, || { work.queue(); }, task));
/// ```
pub fn at_highest_priority<R>(_task: &Task, f: impl FnOnce(&Unsleeping) -> R + Send) -> R {
    // SAFETY: Preemption, which the priority keeps off as well, is enabled again below.
    unsafe { bindings::preempt_disable() };
    // SAFETY: Of this CPU, where preemption keeps this until the end, when it gets back what it had.
    let before = unsafe { bindings::apic_set_task_priority(0xf0) };
    // SAFETY: Preemption is off.
    let result = f(unsafe { Unsleeping::assume() });
    // SAFETY: What this CPU had before; interrupts that wait come now.
    unsafe { bindings::apic_set_task_priority(before) };
    // SAFETY: Disabled above.
    unsafe { bindings::preempt_enable() };
    result
}
