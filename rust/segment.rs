// SPDX-License-Identifier: GPL-2.0

//! Segments: what 64-bit mode has left of them.
//!
//! C header: [`arch/x86/include/asm/segment.h`](srctree/arch/x86/include/asm/segment.h)

use crate::{
    idt::Idt,
    interrupt::local_interrupt_disable, //
};
use core::arch::asm;

/// The kernel's code segment.
pub const KERNEL_CODE: u16 = 0x10;

/// The code segment of 64-bit programs.
pub const USER_CODE: u16 = 0x33;

/// The task state segment that TR (the task register) of a CPU points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskState {
    /// What TR has: the place in the GDT.
    pub selector: u16,
    /// Where the segment is.
    pub base: usize,
}

impl TaskState {
    /// That of the current CPU.
    ///
    /// ```
    /// # use irqlab::segment::TaskState;
    /// fn where_is_it() -> usize {
    ///     TaskState::current().base
    /// }
    ///
    /// assert!(where_is_it() != 0);
    /// ```
    pub fn current() -> Self {
        // TR and GDT have to be the same CPU's.
        let _guard = local_interrupt_disable();
        let selector: u16;
        // SAFETY: Reads a register, which the kernel may.
        unsafe {
            asm!("str {:x}", out(reg) selector, options(att_syntax, nomem, nostack, preserves_flags))
        };
        Self {
            selector,
            base: Idt::of_segments().base_of_segment(selector),
        }
    }
}

/// The stack segment of this code.
pub fn stack_segment() -> u16 {
    let selector: u16;
    // SAFETY: Reads a register.
    unsafe {
        asm!("movw %ss, {:x}", out(reg) selector, options(att_syntax, nomem, nostack, preserves_flags))
    };
    selector
}

/// The privilege level (DPL) of a code segment, as the CPU finds it in the GDT; none if it is not one of
/// code.
///
/// ```
/// # use irqlab::segment::{code_privilege, KERNEL_CODE};
/// fn is_the_kernel_privileged() -> bool {
///     code_privilege(KERNEL_CODE) == Some(0)
/// }
///
/// assert!(is_the_kernel_privileged());
/// assert_eq!(code_privilege(0), None);
/// ```
pub fn code_privilege(selector: u16) -> Option<u8> {
    const IS_CODE: u32 = 3 << 11;
    let rights: u32;
    let is_there: u8;
    // SAFETY: Reads what the CPU knows of a selector, whatever that is.
    unsafe {
        asm!(
            "larl {selector:e}, {rights:e}",
            "setz {is_there}",
            selector = in(reg) u32::from(selector),
            rights = lateout(reg) rights,
            is_there = lateout(reg_byte) is_there,
            options(att_syntax, nomem, nostack)
        );
    }
    (is_there != 0 && rights & IS_CODE == IS_CODE).then_some((rights >> 13 & 3) as u8)
}

/// A data segment of the GDT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Data {
    /// The kernel's, with privilege level 0.
    Kernel = 0x18,
    /// The programs', with privilege level 3.
    User = 0x2b,
}

/// What ES has.
pub fn es() -> u16 {
    let selector: u16;
    // SAFETY: Reads a register.
    unsafe {
        asm!("movw %es, {:x}", out(reg) selector, options(att_syntax, nomem, nostack, preserves_flags))
    };
    selector
}

/// Loads a segment into ES, which nothing uses in 64-bit mode. The kernel leaves ES as it is until it
/// switches tasks, so that in an exception of user mode this is what user mode finds in ES, if nobody
/// clears it on the way back.
///
/// ```
/// # use irqlab::segment::{self, Data, USER_CODE};
/// # use irqlab::interrupt::local_interrupt_disable;
/// fn stays() -> bool {
///     let _guard = local_interrupt_disable();
///     segment::load_es(Data::User);
///     segment::es() == Data::User as u16
/// }
///
/// /// Programs' code has less privilege than the kernel's stack.
/// fn differ() -> bool {
///     segment::code_privilege(USER_CODE) != Some((segment::stack_segment() & 3) as u8)
/// }
///
/// assert!(stays() && differ());
/// ```
pub fn load_es(segment: Data) {
    // SAFETY: The selector is that of a data segment of the GDT. ES has no meaning in 64-bit mode,
    // and the kernel saves and restores it for each task.
    unsafe {
        asm!("movw {:x}, %es", in(reg) segment as u16, options(att_syntax, nomem, nostack, preserves_flags))
    };
}
