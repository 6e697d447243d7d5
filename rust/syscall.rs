// SPDX-License-Identifier: GPL-2.0

//! System calls: where the instruction SYSCALL goes.
//!
//! C header: [`arch/x86/include/asm/msr-index.h`](srctree/arch/x86/include/asm/msr-index.h)

use core::arch::asm;

/// The address at which SYSCALL of 64-bit code enters the kernel: the register LSTAR.
///
/// ```
/// # use irqlab::{symbol::Name, syscall};
/// # use kernel::prelude::*;
/// pr_info!("system calls begin at {}\n", Name::of(syscall::entry()));
/// ```
pub fn entry() -> usize {
    const MSR_LSTAR: u32 = 0xc000_0082;
    let (low, high): (u32, u32);
    // SAFETY: Every x86-64 CPU has the register, and the kernel may read it.
    unsafe {
        asm!(
            "rdmsr",
            in("ecx") MSR_LSTAR,
            out("eax") low,
            out("edx") high,
            options(nomem, nostack, preserves_flags)
        );
    }
    (u64::from(high) << 32 | u64::from(low)) as usize
}
