// SPDX-License-Identifier: GPL-2.0

//! What kernels have in different forms, in one form for the rest of the tree.
//!
//! Kernels differ in what their crate `kernel` has, as Rust in the kernel has no stable interface. The
//! build tries each line of `compat/probes` with the kernel at hand, and sets `kernel_has_…` where it
//! compiles. No other file asks for that, or which version a kernel has.

mod c_types;
pub mod error;
#[cfg(not(kernel_has_interrupt))]
mod interrupt_off;
mod module;
pub(crate) mod pci;

pub(crate) use c_types::*;
pub use module::parameter;
pub(crate) use module::this_module;

/// Interrupts off on this CPU while a guard exists: what the kernel crate has, or the same.
pub mod interrupt {
    #[cfg(not(kernel_has_interrupt))]
    pub use super::interrupt_off::*;
    #[cfg(kernel_has_interrupt)]
    pub use kernel::interrupt::*;
}
