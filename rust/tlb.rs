// SPDX-License-Identifier: GPL-2.0

//! Translation lookaside buffers (TLBs): making all CPUs forget what is no longer mapped.
//!
//! A TLB is a CPU's cache of page table entries. When the kernel unmaps pages of its own, it
//! does not flush them from the TLBs at once, but later, many together, or when asked to.
//!
//! C header: [`include/linux/vmalloc.h`](srctree/include/linux/vmalloc.h)

use crate::{
    bindings,
    context::Task, //
};
use kernel::prelude::*;

/// Maps a page of kernel memory, writes to it, and unmaps it.
///
/// Errors: `ENOMEM`.
///
/// ```
/// # use irqlab::{context::Task, tlb};
/// # use kernel::prelude::*;
/// fn interrupt_all_others(task: &Task) -> Result {
///     tlb::map_and_unmap(task)?;
///     tlb::forget_unmapped(task);
///     Ok(())
/// }
///
/// assert_eq!(interrupt_all_others(task), Ok(()));
/// ```
pub fn map_and_unmap(_task: &Task) -> Result {
    // SAFETY: The token proves that this may sleep.
    let page = unsafe { bindings::vmalloc_page() };
    if page.is_null() {
        return Err(ENOMEM);
    }
    // SAFETY: It is one page long, and nobody else's.
    unsafe { page.cast::<u8>().write_volatile(1) };
    // SAFETY: Just allocated, and not used any more.
    unsafe { bindings::vfree(page) };
    Ok(())
}

/// Has all CPUs forget what is unmapped, if anything is.
pub fn forget_unmapped(_task: &Task) {
    // SAFETY: The token proves that this may sleep.
    unsafe { bindings::vm_unmap_aliases() };
}

/// Whether one CPU has the others forget by an instruction of its own, without any interrupt.
///
/// ```
/// # use irqlab::tlb;
/// # use kernel::prelude::*;
/// if tlb::is_broadcast() {
///     pr_info!("no interrupts are to be seen\n");
/// }
/// ```
pub fn is_broadcast() -> bool {
    // SAFETY: Reads what the CPU can do.
    unsafe { bindings::has_invlpgb() }
}
