// SPDX-License-Identifier: GPL-2.0

//! The calls that lead to a place, found by the kernel's unwinder.
//!
//! C header: [`include/linux/stacktrace.h`](srctree/include/linux/stacktrace.h)

use crate::bindings;

/// The return addresses of calls, innermost first. Beyond an exception or an interrupt there are those
/// of what it has interrupted.
///
/// ```
/// # use irqlab::{stack_trace::StackTrace, symbol::Name};
/// # use kernel::prelude::*;
/// let trace = StackTrace::take();
/// for address in trace.addresses().iter().take(3) {
///     pr_info!("called by {}\n", Name::of(*address));
/// }
/// assert!((1..=StackTrace::LONGEST).contains(&trace.addresses().len()));
/// ```
#[derive(Clone, Copy)]
pub struct StackTrace {
    addresses: [usize; Self::LONGEST],
    len: usize,
}

impl StackTrace {
    /// How many addresses are kept.
    pub const LONGEST: usize = 24;

    /// Takes one of here. Can be called in any context.
    pub fn take() -> Self {
        let mut addresses = [0; Self::LONGEST];
        // SAFETY: The array has room for as many; the unwinder looks at the current stack only.
        let len = unsafe {
            bindings::stack_trace_save(addresses.as_mut_ptr(), Self::LONGEST as u32, 0) as usize
        };
        Self {
            addresses,
            len: len.min(Self::LONGEST),
        }
    }

    /// The addresses.
    pub fn addresses(&self) -> &[usize] {
        &self.addresses[..self.len]
    }
}
