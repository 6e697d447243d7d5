// SPDX-License-Identifier: GPL-2.0

//! The program that plays user mode's part in some claims, `selftests/user_part`: what other programs do
//! meanwhile is no evidence.

use irqlab::context::Snapshot;

pub(super) const NAME: &str = "user_part";

/// Whether the current task is one of its processes or threads.
pub(super) fn is_current() -> bool {
    Snapshot::take().comm() == NAME
}
