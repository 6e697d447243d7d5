// SPDX-License-Identifier: GPL-2.0

//! Interrupts between CPUs: having other CPUs call a function, and kicking them.
//!
//! ```text
//!     CPU 0                                  CPU 1
//!     put the call into CPU 1's queue
//!     the queue was empty: send an IPI ────▶ interrupt: take the whole queue,
//!     wait, or not                           call what is in it, one after the other
//! ```
//!
//! So several calls may share one interrupt. If the sender calls its own CPU, the function
//! is called directly, with interrupts off, and there is no interrupt. An idle CPU that
//! was woken without an interrupt looks at its queue by itself. So a function always
//! runs with interrupts off, but not always in a hard IRQ: it gets the token
//! [`IrqsOff`](crate::context::IrqsOff), which
//! [tells](crate::context::IrqsOff::hard_irq) whether it does.
//!
//! | who waits | on one CPU | on several | in which context |
//! |---|---|---|---|
//! | the caller | [`call_on`], [`call_any`] | [`call_many`], [`call_others`], [`call_each`], [`call_each_of`], [`call_each_where`] | interrupts off |
//! | whoever drops the object | [`Csd`], [`NoWait`] | [`NoWait`] | interrupts off |
//! | the caller | [`call_in_task`], [`cpu::run_on`](crate::cpu::run_on) | [`cpu::run_on`](crate::cpu::run_on) | task |
//!
//! A caller that waits may pass a closure that borrows from its stack. If the caller does not
//! wait, the object owns the closure, and dropping the object waits for the last call to end.
//!
//! Of the functions here, only [`call_in_task`] keeps CPUs from going offline. The others say
//! what happens if one does; hold [`HotplugExcluded`](crate::cpu::HotplugExcluded) to prevent it.
//!
//! [`reschedule`] sends the IPI (inter-processor interrupt) that makes a CPU choose its next
//! task anew; [`kick`] sends it to the CPU that runs a given task.
//! [`irq_work`](crate::irq_work) interrupts the CPU that it is called on, and
//! [`nmi`](crate::nmi) any CPU, even if its interrupts are off. The kernel counts
//! all of these: see [`Counter`].
//!
//! C header: [`include/linux/smp.h`](srctree/include/linux/smp.h)

mod call;
mod counter;
mod csd;
mod in_task;
mod kick;
mod no_wait;

pub use crate::deferred::Handler;
pub use call::{
    call_any,
    call_each,
    call_each_of,
    call_each_where,
    call_many,
    call_on,
    call_others, //
};
pub use counter::Counter;
pub use csd::{
    Csd,
    Kind,
    NotCalled, //
};
pub use in_task::{
    call_in_task,
    call_in_task_while, //
};
pub use kick::{
    kick,
    reschedule, //
};
pub use no_wait::NoWait;
