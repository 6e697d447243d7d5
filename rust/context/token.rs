// SPDX-License-Identifier: GPL-2.0

//! Zero-sized proof of the context that code runs in.

use super::snapshot::Snapshot;
use crate::{
    bindings,
    interrupt::LocalInterruptDisabled, //
};
use core::arch::asm;
use kernel::{
    cpu::CpuId,
    types::NotThreadSafe, //
};

/// A context that a callback can run in. Sealed: the tokens below are all.
///
/// ```
/// # use irqlab::context::Context;
/// # use kernel::{alloc::Flags, prelude::*};
/// fn flags<C: Context>(_context: &C) -> Flags {
///     if C::MAY_SLEEP { GFP_KERNEL } else { GFP_ATOMIC }
/// }
///
/// assert!(flags(task) == GFP_KERNEL);
/// ```
pub trait Context: private::Sealed {
    /// Whether code in it may sleep.
    const MAY_SLEEP: bool;

    /// Conjures the token up. A kernel with lockdep checks that the context is what it stands for, and warns
    /// once.
    ///
    /// # Safety
    ///
    /// For all of `'a`, the current thread of execution must be in the context
    /// that `Self` stands for.
    #[doc(hidden)]
    unsafe fn assume<'a>() -> &'a Self;

    /// Calls `f` in the context: for callbacks, which the kernel may call where it is not quite that.
    ///
    /// # Safety
    ///
    /// As for [`Self::assume`]; but for [`HardIrq`] it is enough that interrupts are off, and this is no NMI.
    #[doc(hidden)]
    #[inline]
    unsafe fn during<R>(f: impl FnOnce(&Self) -> R) -> R
    where
        Self: Sized,
    {
        // SAFETY: By this function's contract the context lasts until `f` has returned.
        f(unsafe { Self::assume() })
    }
}

mod private {
    pub trait Sealed {}
}

macro_rules! token {
    ($(#[$meta:meta])* $name:ident, $may_sleep:literal, [$($assert:ident)?] $(, $during:item)?) => {
        $(#[$meta])*
        ///
        /// # Invariants
        ///
        /// Exists only while the current thread of execution is in this context.
        pub struct $name(NotThreadSafe);

        impl private::Sealed for $name {}

        impl Context for $name {
            const MAY_SLEEP: bool = $may_sleep;

            #[inline]
            unsafe fn assume<'a>() -> &'a Self {
                $(if cfg!(CONFIG_PROVE_LOCKING) {
                    // SAFETY: Compares what the kernel counts, in any context, and warns.
                    unsafe { bindings::$assert() };
                })?
                // INVARIANT: The caller promises the context for `'a`.
                const TOKEN: &$name = &$name(NotThreadSafe);
                TOKEN
            }

            $($during)?
        }
    };
}

token! {
    /// Process context: a task of its own runs, and may sleep.
    Task, true, [assert_may_sleep]
}

token! {
    /// Soft IRQ context: a bottom half runs, with interrupts on, and may not sleep.
    ///
    /// On `PREEMPT_RT` the same callbacks run in a thread with bottom halves
    /// disabled; what they may call stays the same.
    SoftIrq, false, [assert_softirq]
}

token! {
    /// Hard IRQ context: a top half runs, with interrupts off, and may not sleep.
    HardIrq, false, [assert_hardirq],

    // The kernel calls what is meant for a hard IRQ elsewhere too: it replays an interrupt by a tasklet,
    // where the line's controller cannot; and a CPU that goes offline serves what it has left in a thread.
    // Both have interrupts off. It is counted as a hard IRQ then, so that the token tells the truth.
    #[inline]
    unsafe fn during<R>(f: impl FnOnce(&Self) -> R) -> R {
        let is_counted = is_in_hard_irq();
        if !is_counted {
            // SAFETY: By this function's contract interrupts are off, so that none sees the count change.
            unsafe { bindings::hardirq_begin() };
        }
        // SAFETY: The kernel counts a hard IRQ until the end of this function, and interrupts are off.
        let result = f(unsafe { Self::assume() });
        if !is_counted {
            // SAFETY: Begun above.
            unsafe { bindings::hardirq_end() };
        }
        result
    }
}

token! {
    /// A non-maskable interrupt, which may have interrupted anything, a lock's holder too:
    /// nothing that locks may be called.
    ///
    /// ```
    /// # use irqlab::{context::Nmi, nmi::Sender};
    /// # use kernel::sync::atomic::{Atomic, Relaxed};
    /// /// Locks nothing.
    /// fn count(seen: &Atomic<u64>, _nmi: &Nmi) {
    ///     seen.add(1, Relaxed);
    /// }
    ///
    /// # if !irqlab::lapic::is_used() { skip!("NMIs take a local APIC") }
    /// let seen = Atomic::new(0);
    /// Sender::new(task)?.call_here(&|interrupted| count(&seen, interrupted.nmi))?;
    /// assert_eq!(seen.load(Relaxed), 1);
    /// ```
    Nmi, false, [assert_nmi]
}

token! {
    /// Interrupts are off on this CPU, in a hard IRQ or not: [`Self::hard_irq`] tells.
    IrqsOff, false, [assert_irqs_off]
}

token! {
    /// Some context that may not sleep, and about which nothing else is promised.
    Unsleeping, false, []
}

/// Whether the kernel counts a hard IRQ on this CPU.
#[inline(always)]
pub(crate) fn is_in_hard_irq() -> bool {
    count() & bindings::HARDIRQ_MASK != 0
}

/// The lower half of this CPU's `preempt_count()`, in which are hard IRQs and NMIs: in place, as each callback asks
/// for it.
#[inline(always)]
fn count() -> u64 {
    let count: u32;
    // SAFETY: Reads this CPU's count. A task may go on to another CPU right behind it, but it is in no hard IRQ on
    // either.
    unsafe {
        asm!(
            "movl %gs:__preempt_count(%rip), {count:e}",
            count = lateout(reg) count,
            options(att_syntax, nostack, readonly, preserves_flags)
        );
    }
    count.into()
}

impl HardIrq {
    /// The proof that interrupts are off, as they are in a hard IRQ.
    #[inline]
    pub fn irqs_off(&self) -> &IrqsOff {
        // SAFETY: By the type invariant this is a hard IRQ for as long as `self` lives, and its
        // handlers have interrupts off.
        unsafe { IrqsOff::assume() }
    }
}

impl IrqsOff {
    /// The token of a hard IRQ, if that is what runs here. A function that a CPU is told
    /// to call usually runs in one; but the own CPU calls it at once, and an idle CPU
    /// that looks for work by itself calls it with no interrupt either.
    ///
    /// ```
    /// # use irqlab::{context::Task, cpu::CpuId, smp};
    /// # use kernel::prelude::*;
    /// fn was_interrupted(cpu: CpuId, task: &Task) -> Result<bool> {
    ///     smp::call_on(cpu, task, |off| off.hard_irq().is_some())
    /// }
    ///
    /// # let here = irqlab::cpu::online().next().ok_or(ENXIO)?;
    /// # let _stays = irqlab::task::OnCpu::new(here, task)?;
    /// // On its own CPU a task calls at once.
    /// assert!(!was_interrupted(here, task)?);
    /// # // Another one that is idle may find the call without an interrupt.
    /// # for other in irqlab::cpu::online() {
    /// #     was_interrupted(other, task)?;
    /// # }
    /// ```
    pub fn hard_irq(&self) -> Option<&HardIrq> {
        let count = count();
        if count & bindings::HARDIRQ_MASK != 0 && count & bindings::NMI_MASK == 0 {
            // SAFETY: The kernel's own counter says that this is a hard IRQ, whose
            // interrupts are off by the type invariant.
            Some(unsafe { HardIrq::assume() })
        } else {
            None
        }
    }

    /// The same proof as the kernel crate wants it, for instance to lock a `SpinLockIrq`.
    ///
    /// ```
    /// # use irqlab::{context::IrqsOff, lapic::State};
    /// fn id_of_this_cpu(off: &IrqsOff) -> u32 {
    ///     State::read(off.local_interrupt_disabled()).id
    /// }
    ///
    /// # let cpu = irqlab::cpu::online().next().ok_or(kernel::error::code::ENXIO)?;
    /// let id = irqlab::smp::call_on(cpu, task, id_of_this_cpu)?;
    /// # if !irqlab::lapic::is_used() { skip!("no local APIC") }
    /// assert_eq!(id, irqlab::lapic::id_of(cpu));
    /// ```
    #[inline]
    pub fn local_interrupt_disabled(&self) -> &LocalInterruptDisabled {
        // SAFETY: By the type invariant interrupts are off for as long as `self` lives.
        unsafe { LocalInterruptDisabled::assume_disabled() }
    }

    /// The CPU, which nothing can change meanwhile.
    #[inline]
    pub fn cpu(&self) -> CpuId {
        CpuId::current()
    }
}

impl Task {
    /// Returns the token if the caller may sleep here and now.
    ///
    /// For code that is called without a token, such as a module's `init`. Reads
    /// the preempt count, IF, and the depths of sections without bottom halves and of RCU readers; in a kernel
    /// without preemption counting it cannot see a held spinlock or a reader, as `might_sleep()` cannot.
    ///
    /// ```
    /// # use irqlab::{context::Task, interrupt::local_interrupt_disable};
    /// # use kernel::prelude::*;
    /// fn wait_a_little() -> Result {
    ///     let task = Task::current().ok_or(EPERM)?;
    ///     task.sleep_ms(1);
    ///     Ok(())
    /// }
    ///
    /// wait_a_little()?;
    /// let off = local_interrupt_disable();
    /// assert_eq!(wait_a_little(), Err(EPERM));
    /// # drop(off);
    /// ```
    pub fn current<'a>() -> Option<&'a Self> {
        let now = Snapshot::take();
        // SAFETY: Reads a count of the current task, in any context.
        let is_reader = unsafe { bindings::rcu_preempt_depth() } > 0;
        if now.is_preemptible() && now.softirq_depth() == 0 && !is_reader {
            // SAFETY: The kernel's own counters say that this is a task that
            // may sleep. The token is neither `Send` nor `Sync`, so it stays
            // with this thread of execution; callbacks into other contexts are
            // functions of their own and cannot capture it.
            Some(unsafe { Self::assume() })
        } else {
            None
        }
    }

    /// Sleeps for at least `ms` milliseconds.
    ///
    /// ```
    /// # use irqlab::{clock, context::Task};
    /// fn settle(task: &Task) {
    ///     task.sleep_ms(10);
    /// }
    ///
    /// let before = clock::ticks();
    /// settle(task);
    /// let slept = clock::ticks().wrapping_sub(before) as u64;
    /// assert!(slept * clock::tick_ns() >= 10_000_000);
    /// ```
    #[inline]
    pub fn sleep_ms(&self, ms: u32) {
        // SAFETY: By the type invariant this is a context that may sleep.
        unsafe { crate::bindings::msleep(ms) };
    }

    /// Sleeps between `min_us` and `min_us + slack_us` microseconds.
    ///
    /// ```
    /// # use irqlab::{clock, context::Task, cpu, task::OnCpu};
    /// # use kernel::prelude::*;
    /// fn settle(task: &Task) {
    ///     task.sleep_us(100, 50);
    /// }
    ///
    /// # // The clocks of two CPUs may differ.
    /// # let _stays = OnCpu::new(cpu::online().next().ok_or(ENXIO)?, task)?;
    /// let before_ns = clock::now_ns();
    /// settle(task);
    /// // One clock's microsecond is not quite another's.
    /// let slept_ns = clock::elapsed_ns(before_ns, clock::now_ns());
    /// assert!(slept_ns >= Some(90_000) || !clock::is_steady());
    /// ```
    #[inline]
    pub fn sleep_us(&self, min_us: u32, slack_us: u32) {
        // SAFETY: By the type invariant this is a context that may sleep.
        unsafe {
            crate::bindings::usleep_range_state(
                min_us as usize,
                min_us.saturating_add(slack_us) as usize,
                crate::bindings::TASK_UNINTERRUPTIBLE,
            )
        };
    }

    /// Whether a signal waits for the current task, so that a long operation
    /// should end early.
    ///
    /// ```
    /// # use irqlab::context::Task;
    /// # use kernel::prelude::*;
    /// fn each(mut step: impl FnMut(u32), nr_steps: u32, task: &Task) -> Result {
    ///     for number in 0..nr_steps {
    ///         if task.is_interrupted() {
    ///             return Err(EINTR);
    ///         }
    ///         step(number);
    ///         task.yield_if_needed();
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let mut sum = 0;
    /// each(|number| sum += number, 5, task)?;
    /// assert_eq!(sum, 10);
    /// ```
    #[inline]
    pub fn is_interrupted(&self) -> bool {
        kernel::current!().signal_pending()
    }

    /// Gives other tasks the CPU if one of them needs it. Long loops call this.
    #[inline]
    pub fn yield_if_needed(&self) {
        // SAFETY: By the type invariant this is a context that may sleep.
        unsafe { crate::bindings::cond_resched() };
    }
}
