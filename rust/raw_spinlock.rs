// SPDX-License-Identifier: GPL-2.0

//! Raw spinlocks: locks that spin on every kernel, for hard IRQ context.
//!
//! `kernel::sync::SpinLock` becomes a mutex on `PREEMPT_RT`: whoever holds it may be
//! preempted, and a top half cannot take it. A raw one is what a few instructions need that
//! a top half shares with others. Interrupts are off on this CPU while it is held.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use crate::{
    bindings,
    context::{
        Context,
        IrqsOff, //
    },
};
use core::cell::UnsafeCell;
use kernel::{
    prelude::*,
    str::CStr,
    sync::LockClassKey,
    types::Opaque, //
};

/// Makes an initialiser for [`RawSpinLock`], with a lock class of its own.
#[macro_export]
macro_rules! new_raw_spinlock {
    ($value:expr) => {
        $crate::raw_spinlock::RawSpinLock::new(
            $value,
            ::kernel::c_str!(::core::concat!(::core::file!(), ":", ::core::line!())),
            ::kernel::static_lock_class!(),
        )
    };
}

/// What a lock says about the CPUs that wait for it. It changes when one joins a queue; a lock
/// without one, which they take by test-and-set, says nothing.
///
/// C header: [`include/asm-generic/qspinlock_types.h`](srctree/include/asm-generic/qspinlock_types.h)
///
/// ```
/// # use irqlab::raw_spinlock::{RawSpinLock, Waiters};
/// fn has_changed<T>(lock: &RawSpinLock<T>, before: Waiters) -> bool {
///     lock.waiters() != before
/// }
///
/// # use kernel::prelude::*;
/// let lock = KBox::pin_init(irqlab::new_raw_spinlock!(0u64), GFP_KERNEL)?;
/// // Nobody waits for it.
/// assert!(!has_changed(&lock, lock.waiters()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Waiters(u32);

/// The part of a lock's word that says whether it is held.
const LOCKED: u32 = 0xff;

/// A value that one CPU at a time uses, with interrupts off. Made by
/// [`new_raw_spinlock!`](crate::new_raw_spinlock).
///
/// The value is lent to a function rather than to a guard: so locks are released in the
/// reverse order in which they were taken, and interrupts are on again only after the last.
/// Whoever takes a lock that its own CPU holds waits for ever, as in C; so do NMI handlers.
///
/// ```
/// # use irqlab::{new_raw_spinlock, raw_spinlock::RawSpinLock};
/// # use kernel::prelude::*;
/// fn count() -> Result<u64> {
///     let total = KBox::pin_init(new_raw_spinlock!(0u64), GFP_KERNEL)?;
///     total.with(|total, _off| *total += 1);
///     Ok(total.with(|total, _off| *total))
/// }
///
/// assert_eq!(count()?, 1);
/// ```
///
/// # Invariants
///
/// `raw` is initialised; `value` is only accessed with it held.
#[pin_data]
pub struct RawSpinLock<T> {
    #[pin]
    raw: Opaque<bindings::raw_spinlock_t>,
    value: UnsafeCell<T>,
}

// SAFETY: The lock may be used on any CPU; the value moves with it.
unsafe impl<T: Send> Send for RawSpinLock<T> {}
// SAFETY: By the type invariant the value is one CPU's at a time, which may be any.
unsafe impl<T: Send> Sync for RawSpinLock<T> {}

impl<T> RawSpinLock<T> {
    /// An initialiser for a lock. Use [`new_raw_spinlock!`](crate::new_raw_spinlock).
    pub fn new(
        value: T,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            value: UnsafeCell::new(value),
            // INVARIANT: Initialised here.
            raw <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes and stays where it is; the name and the
                // key are static.
                unsafe {
                    bindings::raw_spin_lock_setup(slot, name.as_char_ptr(), key.as_ptr())
                };
            }),
        })
    }

    /// Who waits for the lock, as it is written into it. May be asked by anybody at any time.
    pub fn waiters(&self) -> Waiters {
        // SAFETY: Initialised by the type invariant; only reads a word that is written atomically.
        Waiters(unsafe { bindings::raw_spin_lock_word(self.raw.get()) } & !LOCKED)
    }

    /// Runs `f` with the lock held, and interrupts off, which are afterwards as before
    /// (`raw_spin_lock_irqsave()`). May be called in any context but NMI.
    ///
    /// `f` may not sleep. As it is [`Send`], it cannot have the token of a task with it.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&mut T, &IrqsOff) -> R + Send) -> R {
        // SAFETY: Initialised by the type invariant.
        let flags = unsafe { bindings::raw_spin_lock_save(self.raw.get()) };
        // SAFETY: The lock is held, so by the type invariant nobody else has the value; `f`
        // cannot get at it a second time without taking the lock, which it would wait for.
        let value = unsafe { &mut *self.value.get() };
        // SAFETY: Taking the lock has switched interrupts off, and nothing in `f` can
        // switch them on: what it switched off and on again it left off.
        let result = f(value, unsafe { IrqsOff::assume() });
        // SAFETY: Taken above by this CPU, which had these flags before.
        unsafe { bindings::raw_spin_unlock_restore(self.raw.get(), flags) };
        result
    }

    /// As [`Self::with`], where interrupts are off already: in a top half, or in a callback of a controller
    /// ([`irq_chip::Chip`](crate::irq_chip::Chip)). Leaves them alone.
    ///
    /// ```
    /// # use irqlab::{context::HardIrq, irq::{Handler, IrqReturn}, raw_spinlock::RawSpinLock};
    /// # use kernel::{prelude::*, sync::Arc};
    /// struct Counting(Arc<RawSpinLock<u64>>);
    ///
    /// impl Handler for Counting {
    ///     fn handle(&self, irq: &HardIrq) -> IrqReturn {
    ///         self.0.with_irqs_off(irq.irqs_off(), |count, _off| *count += 1);
    ///         IrqReturn::Handled
    ///     }
    /// }
    ///
    /// # use irqlab::{irq::Sharing, irq_chip::{Domain, Flow, Transparent}, new_raw_spinlock};
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// let count = Arc::pin_init(new_raw_spinlock!(0u64), GFP_KERNEL)?;
    /// let counting = Ok::<_, Error>(Counting(count.clone()));
    /// let registration = line.line().request(Sharing::Exclusive, c"counting", counting)?;
    /// line.send()?;
    /// # eventually!(task, count.with(|count, _off| *count) > 0);
    /// // A moment later:
    /// assert_eq!(count.with(|count, _off| *count), 1);
    /// ```
    #[inline]
    pub fn with_irqs_off<R>(
        &self,
        off: &IrqsOff,
        f: impl FnOnce(&mut T, &IrqsOff) -> R + Send,
    ) -> R {
        // SAFETY: Initialised by the type invariant. The token proves that no interrupt of this CPU, which
        // could want the lock, can come.
        unsafe { bindings::raw_spin_lock(self.raw.get()) };
        // SAFETY: The lock is held, so by the type invariant nobody else has the value; `f`
        // cannot get at it a second time without taking the lock, which it would wait for.
        let result = f(unsafe { &mut *self.value.get() }, off);
        // SAFETY: Taken above by this CPU.
        unsafe { bindings::raw_spin_unlock(self.raw.get()) };
        result
    }
}
