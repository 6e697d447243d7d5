// SPDX-License-Identifier: GPL-2.0

//! CPUs that go offline and come online: keeping them as they are, and noticing that they did.
//!
//! C headers: [`include/linux/cpuhplock.h`](srctree/include/linux/cpuhplock.h),
//! [`include/linux/cpuhotplug.h`](srctree/include/linux/cpuhotplug.h)

use crate::{
    bindings,
    context::Task, //
};
use core::mem::ManuallyDrop;
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    types::NotThreadSafe, //
};

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
///
/// assert_eq!(probe(CpuId::current(), task), Ok(()));
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

/// Notices that a CPU goes offline or comes online, while it lives.
///
/// ```
/// # use irqlab::{context::Task, cpu::HotplugCounter};
/// # use kernel::prelude::*;
/// fn stayed_as_they_were(task: &Task, f: impl FnOnce()) -> Result<bool> {
///     let counter = HotplugCounter::new(task)?;
///     let before = counter.count(task);
///     f();
///     Ok(counter.count(task) == before)
/// }
///
/// if !stayed_as_they_were(task, || ())? {
///     pr_info!("a CPU came or went\n");
/// }
/// ```
///
/// # Invariants
///
/// `state` is one that the kernel has given it, with this file's callbacks.
pub struct HotplugCounter {
    state: bindings::cpuhp_state,
}

/// How often a CPU has left or reached the state of a counter. Two counters are told of the same CPU
/// one after the other, but both while the kernel excludes [`HotplugExcluded`].
static NR_CHANGES: Atomic<u64> = Atomic::new(0);

impl HotplugCounter {
    /// Begins to count.
    ///
    /// Errors: `ENOSPC` if too many are told already, `ENOMEM`.
    pub fn new(_task: &Task) -> Result<Self> {
        // SAFETY: The token proves that this may sleep. The callbacks can run on any CPU, any number
        // of times, until `drop` has taken them away; the kernel does not keep the name's pointer
        // for longer.
        let state = unsafe {
            bindings::__cpuhp_setup_state(
                bindings::cpuhp_state_CPUHP_AP_ONLINE_DYN,
                c"irqlab:count".as_char_ptr(),
                false,
                Some(count_change),
                Some(count_change),
                false,
            )
        };
        to_result(state)?;
        // INVARIANT: Just given.
        Ok(Self {
            state: state as bindings::cpuhp_state,
        })
    }

    /// How often CPUs have gone offline or come online, to be compared with another of this
    /// counter: a CPU that was on its way at any time between the two makes a difference. Waits until
    /// none is.
    pub fn count(&self, task: &Task) -> u64 {
        let _settled = HotplugExcluded::new(task);
        NR_CHANGES.load(Relaxed)
    }
}

impl Drop for HotplugCounter {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, and never again. Dropping a counter is only correct where one
        // may sleep; the C side warns otherwise.
        unsafe { bindings::__cpuhp_remove_state(self.state, false) };
    }
}

/// A CPU is on its way online or offline, and has come to the state of a counter.
///
/// # Safety
///
/// None to keep: it takes any CPU's number.
unsafe extern "C" fn count_change(_cpu: c_uint) -> c_int {
    NR_CHANGES.add(1, Relaxed);
    0
}
