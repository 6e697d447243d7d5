// SPDX-License-Identifier: GPL-2.0

//! Stacks: where the current one begins and ends, and how much of it is in use.
//!
//! C header: [`arch/x86/include/asm/stacktrace.h`](srctree/arch/x86/include/asm/stacktrace.h)

use super::StackRegion;
use crate::bindings;

/// A stack, and a place on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Which.
    pub region: StackRegion,
    /// Its lowest address.
    pub low: usize,
    /// The address behind its highest, where it begins.
    pub high: usize,
    /// The place.
    pub pointer: usize,
}

impl Stack {
    /// The current stack, if the kernel's unwinder knows it. Can be called in any
    /// context.
    ///
    /// ```
    /// # use irqlab::context::Stack;
    /// # use kernel::prelude::*;
    /// fn is_half_full() -> bool {
    ///     Stack::current().is_some_and(|stack| stack.used() > stack.size() / 2)
    /// }
    ///
    /// # is_half_full();
    /// let stack = Stack::current().ok_or(EINVAL)?;
    /// assert!((1..stack.size()).contains(&stack.used()));
    /// ```
    pub fn current() -> Option<Self> {
        let (mut low, mut high, marker) = (0, 0, 0u8);
        let pointer = (&raw const marker).addr();
        // SAFETY: Both are valid for writes; looks at the current stack only, and at the
        // current task, which is valid for as long as it runs this code.
        let (is_known, region) = unsafe {
            (
                bindings::stack_bounds(&mut low, &mut high),
                bindings::stack_region(
                    bindings::raw_smp_processor_id(),
                    pointer,
                    (*kernel::task::Task::current_raw()).stack.addr(),
                ),
            )
        };
        (is_known && (low..high).contains(&pointer)).then_some(Self {
            region: StackRegion::from_raw(region as u8),
            low,
            high,
            pointer,
        })
    }

    /// Its size, in bytes.
    pub const fn size(&self) -> usize {
        self.high - self.low
    }

    /// How much of it is in use, in bytes.
    pub const fn used(&self) -> usize {
        self.high - self.pointer
    }
}

/// The highest address of entry `n` (1 to 7) of this CPU's interrupt stack table;
/// nothing if the kernel does not use it.
///
/// ```
/// # use irqlab::context::stack;
/// /// Entry 2 is the one for NMIs.
/// fn is_on_nmi_stack(pointer: usize) -> bool {
///     stack::ist_top(2).is_some_and(|top| (top - stack::IST_SIZE..top).contains(&pointer))
/// }
///
/// assert!(!is_on_nmi_stack(0));
/// # let top = stack::ist_top(2).ok_or(kernel::error::code::EINVAL)?;
/// # assert!(is_on_nmi_stack(top - 1) && !is_on_nmi_stack(top));
/// ```
pub fn ist_top(n: u8) -> Option<usize> {
    // SAFETY: Reads a field of this CPU's TSS, with a number within bounds.
    match unsafe { bindings::ist_top(u32::from(n.clamp(1, 7)) - 1) } {
        0 => None,
        top => Some(top),
    }
}

/// The size of the stacks of the interrupt stack table, in bytes.
pub const IST_SIZE: usize = bindings::EXCEPTION_STKSZ;
/// The size of a CPU's IRQ stack, in bytes.
pub const IRQ_SIZE: usize = bindings::IRQ_STACK_SIZE;
/// The size of a task's stack, in bytes.
///
/// ```
/// # use irqlab::context::{stack, StackRegion};
/// fn size_of(region: StackRegion) -> usize {
///     match region {
///         StackRegion::Task => stack::TASK_SIZE,
///         StackRegion::Irq => stack::IRQ_SIZE,
///         StackRegion::Ist(_) => stack::IST_SIZE,
///     }
/// }
///
/// assert!(size_of(StackRegion::Ist(2)) <= size_of(StackRegion::Task));
/// ```
pub const TASK_SIZE: usize = bindings::THREAD_SIZE;
