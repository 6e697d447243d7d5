// SPDX-License-Identifier: GPL-2.0

//! Page faults.

use super::tracepoints;
use crate::{
    bindings,
    exception::{
        Registers,
        Vector, //
    },
};
use kernel::prelude::*;

tracepoints! {
    /// The kernel has accessed a page that is not there, or not for it to access so.
    ///
    /// ```
    /// # use irqlab::{context::Unsleeping, tracepoint::{Attached, Observer, PageFaultKernel, PageFaultUser}};
    /// # use irqlab::fixup::{self, Island, Paging};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// /// Where the last page fault was, by the kernel and by a process.
    /// struct Faults {
    ///     by_kernel: Atomic<usize>,
    ///     by_process: Atomic<usize>,
    /// }
    ///
    /// impl Observer<PageFaultKernel> for Faults {
    ///     fn observe(&self, fault: &PageFaultKernel, _context: &Unsleeping) {
    ///         self.by_kernel.store(fault.address, Relaxed);
    ///     }
    /// }
    ///
    /// impl Observer<PageFaultUser> for Faults {
    ///     fn observe(&self, fault: &PageFaultUser, _context: &Unsleeping) {
    ///         self.by_process.store(fault.registers.ip, Relaxed);
    ///     }
    /// }
    ///
    /// let faults = Faults { by_kernel: Atomic::new(0), by_process: Atomic::new(0) };
    /// let mut attached = Attached::new(Arc::new(faults, GFP_KERNEL)?);
    /// attached.to::<PageFaultKernel>()?;
    /// attached.to::<PageFaultUser>()?;
    /// let island = Island::new()?;
    /// assert!(fixup::read(&island.guard(0), Paging::Refused).is_err());
    /// assert!(attached.observer().by_kernel.load(Relaxed) != 0);
    /// ```
    c"page_fault_kernel", __traceiter_page_fault_kernel(
        faulted: c_ulong, regs: *mut bindings::pt_regs, error: c_ulong
    ) => PageFaultKernel {
        /// What was accessed.
        address: usize = faulted,
        /// The CPU's error code: bit 0, the page is there; 1, it was a write.
        error_code: u64 = error as u64,
        /// What was interrupted.
        registers: Registers = {
            // SAFETY: They are on the stack of the exception that this runs in.
            unsafe { Registers::of(regs) }
        },
    }

    /// A process has accessed a page that is not there, or not for it to access so.
    c"page_fault_user", __traceiter_page_fault_user(
        faulted: c_ulong, regs: *mut bindings::pt_regs, error: c_ulong
    ) => PageFaultUser {
        /// What was accessed.
        address: usize = faulted,
        /// The CPU's error code: bit 0, the page is there; 1, it was a write.
        error_code: u64 = error as u64,
        /// What was interrupted.
        registers: Registers = {
            // SAFETY: They are on the stack of the exception that this runs in.
            unsafe { Registers::of(regs) }
        },
        /// The last exception that the process has noted, and its error code: not yet this one.
        noted: (Vector, u64) = {
            let current = kernel::task::Task::current_raw();
            // SAFETY: It is the current task, which alone writes this, in its exceptions.
            let thread = unsafe { &(*current).thread };
            (Vector(thread.trap_nr as u8), thread.error_code as u64)
        },
    }
}
