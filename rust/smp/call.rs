// SPDX-License-Identifier: GPL-2.0

//! Calls that the caller waits for, of functions that may borrow from it.
//!
//! All of them need interrupts to be on, as they are where the token of a task is: two
//! CPUs that wait for each other with interrupts off would wait for ever.
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
use core::mem::{
    ManuallyDrop,
    MaybeUninit, //
};
use kernel::prelude::*;

/// Calls `f` on `cpu`, and returns what it returned. On the own CPU that is no interrupt.
///
/// Errors: `ENXIO` if the CPU is offline; then `f` was not called.
///
/// ```
/// # use irqlab::{clock, context::Task, cpu::CpuId, smp};
/// # use kernel::prelude::*;
/// /// Nanoseconds from here to the interrupt on `cpu`.
/// fn one_way_ns(cpu: CpuId, task: &Task) -> Result<u64> {
///     let sent_ns = clock::now_ns();
///     smp::call_on(cpu, task, |_off| clock::now_ns().wrapping_sub(sent_ns))
/// }
///
/// pr_info!("{} ns\n", one_way_ns(CpuId::current(), task)?);
/// ```
#[inline]
pub fn call_on<F, R>(cpu: CpuId, _task: &Task, f: F) -> Result<R>
where
    F: FnOnce(&IrqsOff) -> R + Send,
    R: Send,
{
    let mut once = Once::new(f);
    // SAFETY: The token proves that this is a task with interrupts on. With `wait`, this
    // returns 0 when `Once::run` has returned, and an error if it is never called; `once`
    // is its own type and lives longer.
    let errno = unsafe {
        bindings::smp_call_function_single(
            u32::from(cpu) as c_int,
            Some(Once::<F, R>::run),
            (&raw mut once).cast(),
            from_bool(true),
        )
    };
    // SAFETY: `errno` is what the call of `Once::run` with `once` returned, which has waited
    // for it.
    unsafe { once.finish(errno) }
}

/// Calls `f` on one of `cpus`: the own CPU if it is one of them, else the nearest that is
/// online. Returns what it returned.
///
/// Errors: `ENXIO` if none of them is online; then `f` was not called.
///
/// ```
/// # use irqlab::{context::Task, cpu::{CpuId, Set}, smp};
/// # use kernel::prelude::*;
/// fn which_was_it(cpus: &Set, task: &Task) -> Result<CpuId> {
///     smp::call_any(cpus, task, |off| off.cpu())
/// }
///
/// let cpus = Set::online()?;
/// assert!(cpus.contains(which_was_it(&cpus, task)?));
/// assert_eq!(which_was_it(&Set::new()?, task), Err(ENXIO));
/// ```
pub fn call_any<F, R>(cpus: &Set, _task: &Task, f: F) -> Result<R>
where
    F: FnOnce(&IrqsOff) -> R + Send,
    R: Send,
{
    let mut once = Once::new(f);
    // SAFETY: `Once::run` takes a pointer to a `Once<F, R>`, which is there until this returns, as it waits for
    // the call; the token proves that it may. The mask is valid and is only read.
    let errno = unsafe {
        bindings::smp_call_function_any(
            cpus.as_raw(),
            Some(Once::<F, R>::run),
            (&raw mut once).cast(),
            1,
        )
    };
    // SAFETY: `errno` is what the call of `Once::run` with `once` returned, which has waited
    // for it.
    unsafe { once.finish(errno) }
}

/// Calls `f` on each of `cpus` that is online, but not on the own CPU; at the same time,
/// as far as they can.
///
/// ```
/// # use irqlab::{context::Task, cpu::Set, smp};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// fn count(cpus: &Set, task: &Task) -> u32 {
///     let count = Atomic::new(0u32);
///     smp::call_many(cpus, task, |_off| count.add(1, Relaxed));
///     count.load(Relaxed)
/// }
///
/// # let _guard = irqlab::cpu::HotplugExcluded::new(task);
/// let cpus = Set::online()?;
/// // All but this one.
/// assert_eq!(count(&cpus, task) as usize, cpus.len() - 1);
/// ```
#[inline]
pub fn call_many<F: Fn(&IrqsOff) + Sync>(cpus: &Set, _task: &Task, f: F) {
    // SAFETY: `run::<F>` takes a pointer to an `F`, which is `Sync`, and is there until this returns,
    // as it waits for all calls; the token proves that it may wait. `is_other` takes any pointer, and is asked with
    // preemption off. The mask is valid and is only read.
    unsafe {
        bindings::on_each_cpu_cond_mask(
            Some(is_other),
            Some(run::<F>),
            (&raw const f).cast_mut().cast(),
            true,
            cpus.as_raw(),
        )
    };
}

/// Calls `f` on every CPU that is online, but for the own one.
///
/// ```
/// # use irqlab::{context::Task, smp};
/// # use kernel::sync::atomic::{Atomic, Relaxed};
/// /// When it returns, all other CPUs have been interrupted once.
/// fn disturb(task: &Task) -> usize {
///     let nr_disturbed = Atomic::new(0);
///     smp::call_others(task, |_off| nr_disturbed.add(1, Relaxed));
///     nr_disturbed.load(Relaxed)
/// }
///
/// # let _guard = irqlab::cpu::HotplugExcluded::new(task);
/// assert_eq!(disturb(task), irqlab::cpu::online().count() - 1);
/// ```
#[inline]
pub fn call_others<F: Fn(&IrqsOff) + Sync>(_task: &Task, f: F) {
    // SAFETY: `run::<F>` takes a pointer to an `F`, which is `Sync`, and is there until this returns,
    // as it waits for all calls; the token proves that it may wait.
    unsafe { bindings::smp_call_function(Some(run::<F>), (&raw const f).cast_mut().cast(), 1) };
}

/// Calls `f` on every CPU that is online, the own one too.
///
/// ```
/// # use irqlab::{context::Task, smp};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// fn count_interrupted(task: &Task) -> usize {
///     let count = Atomic::new(0);
///     smp::call_each(task, |off| count.add(i32::from(off.hard_irq().is_some()), Relaxed));
///     count.load(Relaxed) as usize
/// }
///
/// # let _guard = irqlab::cpu::HotplugExcluded::new(task);
/// // This one calls it as well, but without an interrupt.
/// assert!(count_interrupted(task) < irqlab::cpu::online().count());
/// ```
#[inline]
pub fn call_each<F: Fn(&IrqsOff) + Sync>(_task: &Task, f: F) {
    // SAFETY: `run::<F>` takes a pointer to an `F`, which is `Sync`, and is there until this returns,
    // as it waits for all calls; the token proves that it may wait. The kernel's own mask changes under it, as it does when C
    // code passes it.
    unsafe {
        bindings::on_each_cpu_cond_mask(
            None,
            Some(run::<F>),
            (&raw const f).cast_mut().cast(),
            true,
            &raw const bindings::__cpu_online_mask,
        )
    };
}

/// Calls `f` on each of `cpus` that is online, the own CPU too.
///
/// ```
/// # use irqlab::{context::Task, cpu::Set, smp};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// fn count_even_ones(task: &Task) -> Result<usize> {
///     let cpus = Set::parse("all:1/2")?;
///     let count = Atomic::new(0);
///     smp::call_each_of(&cpus, task, |off| {
///         count.add(usize::from(off.cpu().as_u32() % 2 == 0), Relaxed);
///     });
///     Ok(count.load(Relaxed))
/// }
///
/// # let _guard = irqlab::cpu::HotplugExcluded::new(task);
/// # let nr_even = irqlab::cpu::online().filter(|cpu| cpu.as_u32() % 2 == 0).count();
/// assert_eq!(count_even_ones(task)?, nr_even);
/// ```
#[inline]
pub fn call_each_of<F: Fn(&IrqsOff) + Sync>(cpus: &Set, _task: &Task, f: F) {
    // SAFETY: `run::<F>` takes a pointer to an `F`, which is `Sync`, and is there until this returns,
    // as it waits for all calls; the token proves that it may wait. The mask is valid and is only read.
    unsafe {
        bindings::on_each_cpu_cond_mask(
            None,
            Some(run::<F>),
            (&raw const f).cast_mut().cast(),
            true,
            cpus.as_raw(),
        )
    };
}

/// Calls `f` on each of `cpus` that is online and for which `is_wanted` is true. That is
/// asked here, once for each, when its turn comes; it may not sleep.
///
/// ```
/// # use irqlab::{context::Task, cpu::{PerCpu, Set}, smp};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// fn drain(pending: &PerCpu<Atomic<u32>>, task: &Task) -> Result {
///     let is_pending = |cpu| pending.of(cpu).load(Relaxed) > 0;
///     smp::call_each_where(&Set::online()?, task, is_pending, |off| {
///         pending.of(off.cpu()).store(0, Relaxed);
///     });
///     Ok(())
/// }
///
/// let pending = PerCpu::new(|| Ok(Atomic::new(0)))?;
/// pending.local().store(5, Relaxed);
/// drain(&pending, task)?;
/// assert!(pending.iter().all(|pending| pending.load(Relaxed) == 0));
/// ```
pub fn call_each_where<C, F>(cpus: &Set, _task: &Task, is_wanted: C, f: F)
where
    C: Fn(CpuId) -> bool + Sync,
    F: Fn(&IrqsOff) + Sync,
{
    let both = Both { is_wanted, f };
    // SAFETY: Both functions take a pointer to a `Both<C, F>`, which is `Sync`, as both closures are, and is there
    // until this returns, as it waits for all calls; the token proves that it may wait. The mask is valid and
    // is only read.
    unsafe {
        bindings::on_each_cpu_cond_mask(
            Some(Both::<C, F>::is_wanted),
            Some(Both::<C, F>::run),
            (&raw const both).cast_mut().cast(),
            true,
            cpus.as_raw(),
        )
    };
}

/// # Safety
///
/// For the condition of an SMP function, which is asked with preemption off.
unsafe extern "C" fn is_other(cpu: c_int, _info: *mut c_void) -> bool {
    i32::from(CpuId::current()) != cpu
}

/// # Safety
///
/// For the calls of an SMP function with a pointer to an `F`, which is shared.
unsafe extern "C" fn run<F: Fn(&IrqsOff) + Sync>(f: *mut c_void) {
    // SAFETY: By this function's contract, and such calls are made with interrupts off.
    unsafe { (*f.cast::<F>())(IrqsOff::assume()) };
}

/// A function to be called once, and then its result.
struct Once<F, R> {
    f: ManuallyDrop<F>,
    result: MaybeUninit<R>,
}

impl<F: FnOnce(&IrqsOff) -> R + Send, R: Send> Once<F, R> {
    #[inline]
    fn new(f: F) -> Self {
        Self {
            f: ManuallyDrop::new(f),
            result: MaybeUninit::uninit(),
        }
    }

    /// # Safety
    ///
    /// For one call of an SMP function, with a pointer to a `Self` that nobody else uses
    /// meanwhile.
    unsafe extern "C" fn run(once: *mut c_void) {
        // SAFETY: By this function's contract.
        let once = unsafe { &mut *once.cast::<Self>() };
        // SAFETY: This is the only call.
        let f = unsafe { ManuallyDrop::take(&mut once.f) };
        // SAFETY: Such calls are made with interrupts off.
        once.result.write(f(unsafe { IrqsOff::assume() }));
    }

    /// What `run` returned; or the error, and `f` goes.
    ///
    /// # Safety
    ///
    /// If `errno` is 0, `run` must have returned; else it was not and will not be called.
    #[inline]
    unsafe fn finish(mut self, errno: c_int) -> Result<R> {
        if errno == 0 {
            // SAFETY: By this function's contract `run` has written it.
            return Ok(unsafe { self.result.assume_init() });
        }
        // SAFETY: By this function's contract it is still there.
        unsafe { ManuallyDrop::drop(&mut self.f) };
        Err(Error::from_errno(errno))
    }
}

/// A function with its condition.
struct Both<C, F> {
    is_wanted: C,
    f: F,
}

impl<C: Fn(CpuId) -> bool + Sync, F: Fn(&IrqsOff) + Sync> Both<C, F> {
    /// # Safety
    ///
    /// For the condition of an SMP function, with a pointer to a `Self`, which is shared.
    unsafe extern "C" fn is_wanted(cpu: c_int, both: *mut c_void) -> bool {
        // SAFETY: By this function's contract.
        let both = unsafe { &*both.cast::<Self>() };
        CpuId::from_i32(cpu).is_some_and(&both.is_wanted)
    }

    /// # Safety
    ///
    /// For the calls of an SMP function with a pointer to a `Self`, which is shared.
    unsafe extern "C" fn run(both: *mut c_void) {
        // SAFETY: By this function's contract.
        let both = unsafe { &*both.cast::<Self>() };
        // SAFETY: Such calls are made with interrupts off.
        (both.f)(unsafe { IrqsOff::assume() });
    }
}
