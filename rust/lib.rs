// SPDX-License-Identifier: GPL-2.0

//! The abstractions that an interrupt laboratory needs and the kernel crate
//! does not have yet, usable by any module that depends on `irqlab.ko`.
//!
//! # The way of one interrupt
//!
//! ```text
//!     device            controller        top half              bottom half
//!     ──raises──▶ line ──────────────▶ hard IRQ context ──defers──▶ later
//!                                      interrupts off             interrupts on
//! ```
//!
//! An interrupt stops whatever its CPU runs, and the *top half*, the handler of
//! its line, runs at once. It can wait for nothing, and everything waits for it:
//! so it does the least it can and leaves the rest to a *bottom half*.
//!
//! | bottom half | module | runs in | may sleep |
//! |---|---|---|---|
//! | tasklet | [`tasklet`] | soft IRQ | no |
//! | BH work queue | [`workqueue`], `Queue<SoftIrq>` | soft IRQ | no |
//! | work queue | [`workqueue`], `Queue<Task>` | kernel thread, shared | yes |
//! | threaded IRQ | [`irq`] | kernel thread of the line | yes |
//!
//! [`choosing`] tells which one to take, with figures.
//!
//! # What may be done where
//!
//! The context that code runs in decides what it may do; [`context`] has them
//! all. Every callback receives a token of its context, and every function that
//! sleeps demands the token of a task. What would be a bug report from a user of
//! a C driver is a compile error here.
//!
//! # From CPU to CPU
//!
//! CPUs interrupt each other to have functions called: [`smp`]. [`cpu`] knows which there
//! are, and runs something in a thread on several at once.
//!
//! # Watching
//!
//! [`tracepoint`] lets a module observe where the kernel itself says what it does:
//! which soft IRQ was raised, which handler begins.
//!
//! Exceptions come in any of them. What raises one on purpose is in [`fixup`], what its
//! handler saw in [`exception`].
//!
//! # Where to begin
//!
//! [`irq_sim`] makes an interrupt line on any machine, and [`irq_chip`] a
//! controller of one's own; the `samples/` are three small drivers. `unsafe` code is in this crate only.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

#[doc = include_str!("../doc/choosing.md")]
pub mod choosing {}
pub mod clock;
pub mod completion;
pub mod context;
pub mod cpu;
pub mod dangerous;
pub mod debugfs;
pub mod exception;
pub mod fixup;
pub mod global;
pub mod histogram;
pub mod hrtimer;
pub mod idt;
pub mod irq;
pub mod irq_chip;
#[cfg(CONFIG_IRQ_POLL)]
pub mod irq_poll;
pub mod irq_sim;
pub mod irq_work;
pub mod kthread;
pub mod lapic;
pub mod lockdown;
pub mod nmi;
pub mod pci;
pub mod rcu;
pub mod smp;
pub mod softirq;
pub mod symbol;
pub mod task;
pub mod tasklet;
pub mod text;
pub mod timer;
pub mod tlb;
pub mod tracepoint;
pub mod user;
pub mod workqueue;

mod bindings;
mod scoped;

/// The prefix of this crate's messages; crates with a `module!` get theirs from it.
const __LOG_PREFIX: &[u8] = b"irqlab\0";
