// SPDX-License-Identifier: GPL-2.0

//! Lockdown: a mode, as with Secure Boot, in which not even root may change the running kernel.
//!
//! C header: [`include/linux/security.h`](srctree/include/linux/security.h)

use crate::bindings;

/// Whether the kernel refuses to open debugfs files that can be written, with `EPERM`, to root too.
///
/// The kernel notes in its log that it was asked. Once true, it stays so until the next boot.
///
/// ```
/// # use kernel::prelude::*;
/// if irqlab::lockdown::refuses_debugfs() {
///     pr_notice!("nobody can open the files in debugfs\n");
/// }
/// ```
pub fn refuses_debugfs() -> bool {
    // SAFETY: It takes no arguments, and its hooks, which only compare and print, do not sleep: any
    // context will do.
    unsafe { bindings::is_debugfs_locked_down() }
}
