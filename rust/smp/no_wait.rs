// SPDX-License-Identifier: GPL-2.0

//! A function that CPUs are told to call, and nobody waits for.
//!
//! C header: [`include/linux/smp.h`](srctree/include/linux/smp.h)

use crate::{
    bindings,
    compat::from_bool,
    context::{
        Context,
        IrqsOff,
        Task, //
    },
    cpu::{
        CpuId,
        Set, //
    },
};
use core::marker::PhantomPinned;
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
};

/// A function, and how many calls of it are on their way. Dropping it waits for them: they
/// are bound to be made, as a CPU that goes offline makes those in its queue first.
///
/// C keeps for every CPU that sends one place for each CPU that it sends to: who sends
/// again before the last call was taken from there waits for that. [`Csd`](super::Csd) has
/// a place of its own and never waits.
///
/// ```
/// # use irqlab::{context::{IrqsOff, Task}, smp::NoWait};
/// # use kernel::{prelude::*, sync::Arc, sync::atomic::{Atomic, Relaxed}};
/// fn count_calls(count: Arc<Atomic<i32>>, task: &Task) -> Result {
///     let counting = NoWait::new(move |_off: &IrqsOff| count.add(1, Relaxed));
///     let counting = KBox::pin_init(counting, GFP_KERNEL)?;
///     counting.call_others(task);
///     // Waits here, as `counting` goes.
///     Ok(())
/// }
///
/// # let _guard = irqlab::cpu::HotplugExcluded::new(task);
/// let count = Arc::new(Atomic::new(0), GFP_KERNEL)?;
/// count_calls(count.clone(), task)?;
/// assert_eq!(count.load(Relaxed) as usize, irqlab::cpu::online().count() - 1);
/// ```
///
/// # Invariants
///
/// `nr_pending` is at least the number of calls that have a pointer to this and have not
/// done with it.
#[pin_data(PinnedDrop)]
pub struct NoWait<F> {
    nr_pending: Atomic<usize>,
    f: F,
    #[pin]
    _pinned: PhantomPinned,
}

impl<F: Fn(&IrqsOff) + Send + Sync + 'static> NoWait<F> {
    /// An initialiser for an object that calls `f`.
    pub fn new(f: F) -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: There is none yet.
            nr_pending: Atomic::new(0),
            f,
            _pinned: PhantomPinned,
        })
    }

    /// Has `cpu` call it. The own CPU does so before this returns.
    ///
    /// Errors: `ENXIO` if the CPU is offline.
    pub fn call_on(&self, cpu: CpuId, _task: &Task) -> Result {
        // INVARIANT: Counted before it is made.
        self.nr_pending.add(1, Relaxed);
        // SAFETY: The token proves that this is a task with interrupts on. `run` is for
        // `self`, which is pinned, and by the type invariant not dropped before.
        let called = to_result(unsafe {
            bindings::smp_call_function_single(
                u32::from(cpu) as c_int,
                Some(Self::run),
                self.as_info(),
                from_bool(false),
            )
        });
        if called.is_err() {
            // INVARIANT: It will not be made.
            self.nr_pending.fetch_sub(1, Release);
        }
        called
    }

    /// Has each of `cpus` that is online call it, but not the own CPU.
    pub fn call_many(&self, cpus: &Set, _task: &Task) {
        // SAFETY: The token proves that this is a task with interrupts on; the mask is valid
        // and is only read. `run` is for `self`, which is pinned. The condition is asked
        // once for each call before it is made, so that by the type invariant `self` is not
        // dropped before.
        unsafe {
            bindings::on_each_cpu_cond_mask(
                Some(Self::count_other),
                Some(Self::run),
                self.as_info(),
                from_bool(false),
                cpus.as_raw(),
            )
        };
    }

    /// Has every CPU that is online call it, but not the own CPU.
    pub fn call_others(&self, _task: &Task) {
        // SAFETY: The token proves that this is a task with interrupts on. `run` is for `self`, which is pinned.
        // The condition is asked once for each call before it is made, so that by the type invariant `self` is
        // not dropped before. The kernel's own mask changes under it, as it does when C code passes it.
        unsafe {
            bindings::on_each_cpu_cond_mask(
                Some(Self::count_other),
                Some(Self::run),
                self.as_info(),
                from_bool(false),
                &raw const bindings::__cpu_online_mask,
            )
        };
    }

    /// Has each of `cpus` that is online call it, the own CPU too, which does so before this
    /// returns.
    ///
    /// ```
    /// # use irqlab::{context::{IrqsOff, Task}, cpu::{self, CpuId, Set}, smp::NoWait};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// fn all_at_once(count: Arc<Atomic<usize>>, task: &Task) -> Result {
    ///     let cpus = Set::online()?;
    ///     let call = move |_off: &IrqsOff| count.add(1, Relaxed);
    ///     let calls = KBox::pin_init(NoWait::new(call), GFP_KERNEL)?;
    ///     calls.call_many(&cpus, task);
    ///     calls.call_each_of(&cpus, task);
    ///     calls.call_on(CpuId::current(), task)
    /// }
    ///
    /// # let _guard = cpu::HotplugExcluded::new(task);
    /// let count = Arc::new(Atomic::new(0), GFP_KERNEL)?;
    /// all_at_once(count.clone(), task)?;
    /// // All but this one, all, and this one.
    /// assert_eq!(count.load(Relaxed), 2 * cpu::online().count());
    /// ```
    pub fn call_each_of(&self, cpus: &Set, _task: &Task) {
        // SAFETY: The token proves that this is a task with interrupts on; the mask is valid and is only read.
        // `run` is for `self`, which is pinned. The condition is asked once for each call before it is made, so
        // that by the type invariant `self` is not dropped before.
        unsafe {
            bindings::on_each_cpu_cond_mask(
                Some(Self::count),
                Some(Self::run),
                self.as_info(),
                from_bool(false),
                cpus.as_raw(),
            )
        };
    }

    fn as_info(&self) -> *mut c_void {
        (&raw const *self).cast_mut().cast()
    }

    /// # Safety
    ///
    /// For the calls of an SMP function with [`Self::as_info`], each counted.
    unsafe extern "C" fn run(this: *mut c_void) {
        // SAFETY: By this function's contract, and the type invariant.
        let this = unsafe { &*this.cast::<Self>() };
        // SAFETY: Such calls are made with interrupts off.
        (this.f)(unsafe { IrqsOff::assume() });
        // INVARIANT: The last use of the pointer.
        this.nr_pending.fetch_sub(1, Release);
    }

    /// # Safety
    ///
    /// For the condition of an SMP function with [`Self::as_info`].
    unsafe extern "C" fn count(_cpu: c_int, this: *mut c_void) -> bool {
        // SAFETY: By this function's contract.
        let this = unsafe { &*this.cast::<Self>() };
        // INVARIANT: Counted before it is made.
        this.nr_pending.add(1, Relaxed);
        true
    }

    /// # Safety
    ///
    /// As [`Self::count`].
    unsafe extern "C" fn count_other(cpu: c_int, this: *mut c_void) -> bool {
        // The condition is asked with preemption off: the CPU stays this one.
        // SAFETY: By this function's contract.
        i32::from(CpuId::current()) != cpu && unsafe { Self::count(cpu, this) }
    }
}

#[pinned_drop]
impl<F> PinnedDrop for NoWait<F> {
    fn drop(self: Pin<&mut Self>) {
        while self.nr_pending.load(Acquire) > 0 {
            core::hint::spin_loop();
        }
    }
}
