// SPDX-License-Identifier: GPL-2.0

//! Execution contexts: which one this is, and proof of it.
//!
//! Kernel code runs in one of four contexts, each of which may interrupt those
//! to its left:
//!
//! ```text
//!     task  ◀──  soft IRQ  ◀──  hard IRQ  ◀──  NMI
//!     may        may not sleep; bottom          may not even
//!     sleep      halves and top halves          take a lock
//! ```
//!
//! [`Snapshot`] records what the kernel itself says about the current context.
//! The tokens ([`Task`], [`SoftIrq`], [`HardIrq`], [`Nmi`]) say it at compile time: a
//! callback receives the token of the context that it runs in, and a function
//! that sleeps demands a [`&Task`](Task), so that sleeping in a tasklet is a
//! type error.
//!
//! C header: [`include/linux/preempt.h`](srctree/include/linux/preempt.h)

mod bottom_half;
mod call;
mod moment;
mod snapshot;
pub mod stack;
mod token;

pub use bottom_half::BottomHalvesDisabled;

pub use call::Caller;

pub use moment::Moment;

pub use snapshot::{
    Kind,
    Snapshot,
    StackRegion, //
};

pub use stack::Stack;

pub(crate) use token::is_in_hard_irq;

pub use token::{
    Context,
    HardIrq,
    IrqsOff,
    Nmi,
    SoftIrq,
    Task,
    Unsleeping, //
};
