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
/// if irqlab::lockdown::refuses_debugfs() {
///     pr_notice!("the files in debugfs are for show\n");
/// }
/// ```
pub fn refuses_debugfs() -> bool {
    // SAFETY: It has no preconditions but the context: security hooks may allocate, which a task, as
    // everybody who inserts modules or makes files is, may do; and it has no arguments.
    unsafe { bindings::is_debugfs_locked_down() }
}
