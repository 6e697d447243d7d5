// SPDX-License-Identifier: GPL-2.0

//! IRQ poll: for block drivers what NAPI is for network drivers.
//!
//! The top half turns the device's interrupt off and schedules the poll. The soft IRQ
//! then calls the poll function again and again, until it says that nothing is left.
//! Each call handles a limited number of completions, the budget.
//!
//! Not there on `PREEMPT_RT`: a task that serves soft IRQs may be preempted there by another one that does, on the
//! same CPU, and the kernel's `irq_poll_softirq()` would let both poll the same entry, and take it off its list twice.
//!
//! C header: [`include/linux/irq_poll.h`](srctree/include/linux/irq_poll.h)

use crate::{
    bindings,
    context::{
        Context,
        SoftIrq, //
    },
    deferred::{
        self,
        Deferred, //
    },
    nmi, //
};
use kernel::prelude::*;

/// What a poll does.
pub trait Handler: Send + Sync + Sized + 'static {
    /// Takes up to `budget` completions in the soft IRQ. Returns how many; with
    /// fewer than the budget the poll ends until it is scheduled again.
    fn poll(this: &IrqPoll<Self>, softirq: &SoftIrq, budget: u32) -> u32;

    /// Whether there are completions to take. Asked when the poll has ended: an
    /// interrupt that came just before found it still scheduled, and would be
    /// forgotten.
    fn has_more(this: &IrqPoll<Self>) -> bool;
}

/// A poll around its handler.
///
/// ```
/// # use irqlab::{context::SoftIrq, irq_poll::{Handler, IrqPoll}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Full, Relaxed}};
/// /// How many completions the device has for us.
/// struct Ring(Atomic<u32>);
///
/// impl Handler for Ring {
///     fn poll(this: &IrqPoll<Self>, _softirq: &SoftIrq, budget: u32) -> u32 {
///         let taken = this.0.load(Relaxed).min(budget);
///         this.0.fetch_sub(taken, Full);
///         taken
///     }
///
///     fn has_more(this: &IrqPoll<Self>) -> bool {
///         this.0.load(Relaxed) > 0
///     }
/// }
///
/// let ring = Ok::<_, Error>(Ring(Atomic::new(100)));
/// let poll = KBox::pin_init(IrqPoll::new(16, ring), GFP_KERNEL)?;
/// poll.schedule();
/// # eventually!(task, poll.0.load(Relaxed) == 0);
/// // A moment later:
/// assert_eq!(poll.0.load(Relaxed), 0);
/// ```
pub type IrqPoll<T> = Deferred<Kind, T>;

/// The kind of deferral that a poll is.
///
/// ```
/// # use irqlab::{deferred::Deferred, irq_poll::Kind};
/// fn is_same<T>(poll: &Deferred<Kind, T>, seen: usize) -> bool {
///     poll.id() == seen
/// }
/// # use irqlab::{context::SoftIrq, irq_poll::{Handler, IrqPoll}};
/// # struct Idle;
/// # impl Handler for Idle {
/// #     fn poll(_this: &IrqPoll<Self>, _softirq: &SoftIrq, _budget: u32) -> u32 { 0 }
/// #     fn has_more(_this: &IrqPoll<Self>) -> bool { false }
/// # }
/// # use kernel::prelude::*;
///
/// # let poll = KBox::pin_init(IrqPoll::new(16, Ok::<_, Error>(Idle)), GFP_KERNEL)?;
/// assert!(is_same(&poll, poll.id()));
/// ```
pub enum Kind {}

// SAFETY: The state of a poll is changed by atomic operations only; the list is each CPU's own.
// `irq_poll_disable()` waits until a scheduled poll has completed, and keeps it from being scheduled
// again. The callback goes on after that, and asks for more: it does so in a soft IRQ, with bottom
// halves disabled, which a grace period waits for.
unsafe impl deferred::Kind for Kind {
    type Raw = bindings::irq_poll;
    type Own = ();
    type Context = SoftIrq;

    unsafe fn stop<T>(this: &IrqPoll<T>) {
        // SAFETY: It is set up, and the caller may sleep by this function's contract, for both.
        unsafe {
            bindings::irq_poll_disable(this.raw());
            bindings::synchronize_rcu();
        }
    }
}

impl<T: Handler> IrqPoll<T> {
    /// An initialiser for a poll with a budget of `weight` completions at a time.
    pub fn new(weight: u8, handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        // SAFETY: The callback is for this type; the place is as `irq_poll_init()` wants it.
        unsafe {
            Self::with((), handler, move |raw| {
                bindings::irq_poll_init(raw, weight.into(), Some(Self::callback))
            })
        }
    }

    /// Polls soon, on this CPU. Returns whether it was idle, as seen just before: of two CPUs that
    /// schedule it at once, both may be told so. May be called in any context but an NMI,
    /// where it is refused.
    ///
    /// ```
    /// # use irqlab::{context::SoftIrq, irq_poll::{Handler, IrqPoll}};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler for Count {
    /// #     fn poll(this: &IrqPoll<Self>, _softirq: &SoftIrq, _budget: u32) -> u32 {
    /// #         this.0.add(1, Relaxed);
    /// #         0
    /// #     }
    /// #     fn has_more(_this: &IrqPoll<Self>) -> bool { false }
    /// # }
    /// fn from_the_top_half<T: Handler>(poll: &IrqPoll<T>) {
    ///     if !poll.schedule() {
    ///         // It is polled already.
    ///     }
    /// }
    ///
    /// # let poll = KBox::pin_init(IrqPoll::new(16, Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
    /// from_the_top_half(&poll);
    /// # eventually!(task, poll.0.load(Relaxed) > 0);
    /// // A moment later:
    /// assert!(poll.0.load(Relaxed) >= 1);
    /// ```
    #[inline]
    pub fn schedule(&self) -> bool {
        if nmi::is_refused() {
            return false;
        }
        // SAFETY: It is set up; once it was disabled this does nothing. The field is always readable,
        // though it changes.
        unsafe {
            let is_idle = (&raw const (*self.raw()).state).read_volatile() == 0;
            bindings::irq_poll_sched(self.raw());
            is_idle
        }
    }

    /// # Safety
    ///
    /// For `irq_poll_init()` with the `raw` of an `IrqPoll<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::irq_poll, budget: c_int) -> c_int {
        // SAFETY: By this function's contract; `stop` waits for all of this function.
        let this = unsafe { Self::from_raw(raw) };
        // SAFETY: Polls are run by the soft IRQ.
        let softirq = unsafe { SoftIrq::assume() };
        let budget = budget.unsigned_abs();
        let done = T::poll(this, softirq, budget).min(budget);
        if done < budget {
            // SAFETY: It is set up, and this is its poll function.
            unsafe { bindings::irq_poll_complete(raw) };
            if T::has_more(this) {
                this.schedule();
            }
        }
        done as c_int
    }
}
