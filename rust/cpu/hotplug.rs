// SPDX-License-Identifier: GPL-2.0

//! Keeping CPUs as they are: none goes offline, none comes online.
//!
//! C header: [`include/linux/cpuhplock.h`](srctree/include/linux/cpuhplock.h)

use crate::{
    bindings,
    context::Task, //
};
use core::mem::ManuallyDrop;
use kernel::types::NotThreadSafe;

/// Keeps CPUs from going offline or coming online while it lives. Whoever wants to take
/// one offline waits meanwhile, and so does whoever asks for this guard after that: hold
/// it for a short time, and never wait under it for somebody who wants it too.
///
/// ```
/// # use irqlab::{context::Task, cpu::{is_online, CpuId, HotplugExcluded}, smp};
/// # use kernel::prelude::*;
/// fn probe(cpu: CpuId, task: &Task) -> Result {
///     let _guard = HotplugExcluded::new(task);
///     if !is_online(cpu) {
///         return Err(ENXIO);
///     }
///     // It stays online now.
///     smp::call_on(cpu, task, |_off| ())
/// }
/// ```
///
/// # Invariants
///
/// One `cpus_read_lock()` is this guard's to undo, in the task that it was made in; a
/// reference may be given to others who are waited for meanwhile.
pub struct HotplugExcluded(NotThreadSafe);

impl HotplugExcluded {
    /// Waits until no CPU is on its way, and keeps it so.
    pub fn new(_task: &Task) -> Self {
        // SAFETY: The token proves that this may sleep.
        unsafe { bindings::cpus_read_lock() };
        // INVARIANT: Just locked.
        Self(NotThreadSafe)
    }

    /// The guard of somebody else as a reference, which never unlocks.
    ///
    /// # Safety
    ///
    /// For all of `'a`, a guard must live.
    pub(crate) unsafe fn assume<'a>() -> &'a Self {
        // INVARIANT: It is never dropped, and the caller promises that another one lives.
        const TOKEN: &ManuallyDrop<HotplugExcluded> =
            &ManuallyDrop::new(HotplugExcluded(NotThreadSafe));
        TOKEN
    }
}

impl Drop for HotplugExcluded {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::cpus_read_unlock() };
    }
}
