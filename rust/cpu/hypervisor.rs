// SPDX-License-Identifier: GPL-2.0

//! Whether the CPUs are virtual.
//!
//! A virtual CPU may stand still at any time while another one uses the real CPU that it had.
//!
//! C header: [`arch/x86/include/asm/cpufeature.h`](srctree/arch/x86/include/asm/cpufeature.h)

use crate::bindings;

/// Whether the CPUs say that they are a hypervisor's.
///
/// ```
/// # use irqlab::cpu;
/// # use kernel::prelude::*;
/// if cpu::is_virtual() {
///     pr_info!("times are those of a guest\n");
/// }
/// ```
pub fn is_virtual() -> bool {
    // SAFETY: Reads what was found out at boot.
    unsafe { bindings::has_hypervisor() }
}
