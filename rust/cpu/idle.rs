// SPDX-License-Identifier: GPL-2.0

//! What a CPU does that has nothing to do.
//!
//! It halts until an interrupt comes, or watches memory for a change (MWAIT), or polls a flag
//! as it was told at boot.
//!
//! C header: [`arch/x86/include/asm/processor.h`](srctree/arch/x86/include/asm/processor.h)

use crate::bindings;

/// Whether idle CPUs poll, as `idle=poll` has them do.
///
/// ```
/// # use irqlab::cpu;
/// # use kernel::prelude::*;
/// if !cpu::is_idle_polling() {
///     pr_info!("idle CPUs wait for an interrupt\n");
/// }
/// ```
pub fn is_idle_polling() -> bool {
    // SAFETY: Reads a word that is written at boot.
    unsafe { bindings::idle_polls() }
}
