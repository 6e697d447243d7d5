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
//! So several calls may share one interrupt. A call to the own CPU is made at once, with
//! interrupts off, and is no interrupt at all. An idle CPU may look at its queue by
//! itself, when it was woken without an interrupt. That is why a function
//! gets the token [`IrqsOff`](crate::context::IrqsOff), which is always true, and which
//! [tells](crate::context::IrqsOff::hard_irq) whether this is a hard IRQ.
//!
//! | who waits | on one CPU | on several | in which context |
//! |---|---|---|---|
//! | the caller | [`call_on`], [`call_any`] | [`call_many`], [`call_others`], [`call_each`], [`call_each_of`], [`call_each_where`] | interrupts off |
//! | whoever drops the object | [`Csd`], [`NoWait`] | [`NoWait`] | interrupts off |
//! | the caller | [`call_in_task`], [`cpu::run_on`](crate::cpu::run_on) | [`cpu::run_on`](crate::cpu::run_on) | task |
//!
//! Who waits may lend what is on the stack, for as long as it waits. Who does not must own
//! what is called: the object has it, and is not dropped before the last call has ended.
//!
//! Nothing here keeps CPUs from going offline, but for [`call_in_task`]: each function
//! says what happens then; [`HotplugExcluded`](crate::cpu::HotplugExcluded) keeps them.
//!
//! [`reschedule`] sends the IPI that has a CPU look for a better task, [`kick`] sends it to
//! the CPU that runs a task. [`irq_work`](crate::irq_work) interrupts the own CPU, and
//! [`nmi`](crate::nmi) any CPU even if its interrupts are off. The kernel counts
//! them all: see [`Counter`].
//!
//! C header: [`include/linux/smp.h`](srctree/include/linux/smp.h)

mod call;
mod counter;
mod csd;
mod in_task;
mod kick;
mod no_wait;

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
    Handler,
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
