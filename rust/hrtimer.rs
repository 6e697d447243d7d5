// SPDX-License-Identifier: GPL-2.0

//! High-resolution timers that handlers can start: a function that runs after
//! some nanoseconds, in hard or soft IRQ context.
//!
//! `kernel::time::hrtimer` gives its caller a handle that must be kept, and
//! cancels the timer when it is dropped; a top half has nowhere to keep it.
//!
//! C header: [`include/linux/hrtimer.h`](srctree/include/linux/hrtimer.h)

use crate::{
    bindings,
    compat::hrtimer_no_restart,
    context::{
        Context,
        HardIrq,
        SoftIrq, //
    },
    deferred::{
        self,
        Deferred, //
    },
    nmi, //
};
use core::marker::PhantomData;
use kernel::prelude::*;

pub use crate::deferred::Handler;

/// A context that high-resolution timers can run in: [`HardIrq`] or [`SoftIrq`].
///
/// ```
/// # use irqlab::{context::HardIrq, hrtimer::{Handler, HrTimer, Kind, TimerContext}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// # struct Once(Atomic<u32>);
/// # impl Handler<Kind<HardIrq>> for Once {
/// #     fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
/// #         this.0.add(1, Relaxed);
/// #     }
/// # }
/// /// In whichever context it runs.
/// fn in_a_ms<C: TimerContext, T: Handler<Kind<C>>>(timer: &HrTimer<T, C>) -> bool {
///     timer.start(1_000_000)
/// }
///
/// # let timer = KBox::pin_init(HrTimer::new(Ok::<_, Error>(Once(Atomic::new(0)))), GFP_KERNEL)?;
/// assert!(in_a_ms(&timer));
/// # eventually!(task, timer.0.load(Relaxed) > 0);
/// // A moment later:
/// assert_eq!(timer.0.load(Relaxed), 1);
/// ```
pub trait TimerContext: Context + 'static {
    #[doc(hidden)]
    const MODE: bindings::hrtimer_mode;
    #[doc(hidden)]
    const MODE_ABS: bindings::hrtimer_mode;
}

impl TimerContext for HardIrq {
    const MODE: bindings::hrtimer_mode = bindings::hrtimer_mode_HRTIMER_MODE_REL_PINNED_HARD;
    const MODE_ABS: bindings::hrtimer_mode = bindings::hrtimer_mode_HRTIMER_MODE_ABS_PINNED_HARD;
}

impl TimerContext for SoftIrq {
    const MODE: bindings::hrtimer_mode = bindings::hrtimer_mode_HRTIMER_MODE_REL_PINNED_SOFT;
    const MODE_ABS: bindings::hrtimer_mode = bindings::hrtimer_mode_HRTIMER_MODE_ABS_PINNED_SOFT;
}

/// The smallest difference between two expiries: 1 ns where these timers have a high resolution,
/// else the time of a tick.
///
/// ```
/// # use irqlab::hrtimer;
/// fn is_high() -> bool {
///     hrtimer::resolution_ns() == 1
/// }
///
/// assert!(is_high() || hrtimer::resolution_ns() > 1);
/// ```
pub fn resolution_ns() -> u32 {
    // SAFETY: Always readable; it changes once, when the first CPU switches to high resolution.
    unsafe { (&raw const bindings::hrtimer_resolution).read_volatile() }
}

/// A timer around its handler, which runs in `C`.
///
/// ```
/// # use irqlab::{context::HardIrq, hrtimer::{Handler, HrTimer, Kind}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// /// How many periods have passed.
/// struct Periodic(Atomic<i64>);
///
/// impl Handler<Kind<HardIrq>> for Periodic {
///     fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
///         // Every millisecond. More than one if it was late.
///         this.0.add(this.forward(1_000_000), Relaxed);
///     }
/// }
///
/// let periodic = Periodic(Atomic::new(0));
/// let timer = KBox::pin_init(HrTimer::new(Ok::<_, Error>(periodic)), GFP_KERNEL)?;
/// timer.start(1_000_000);
/// # eventually!(task, timer.0.load(Relaxed) >= 3);
/// # assert!(timer.0.load(Relaxed) >= 3);
/// // Until it is cancelled or dropped.
/// assert!(timer.cancel(task)?);
/// ```
pub type HrTimer<T, C = HardIrq> = Deferred<Kind<C>, T>;

/// The kind of deferral that a high-resolution timer in context `C` is.
pub struct Kind<C>(PhantomData<fn(&C)>);

// SAFETY: The C side locks a timer in all that is done with it. `hrtimer_cancel()` returns when the
// handler does not run and the timer is not queued, seen together under the lock: so one that its own
// handler has started again is off, and there is nobody else who could start it.
unsafe impl<C: TimerContext> deferred::Kind for Kind<C> {
    type Raw = bindings::hrtimer;
    type Own = ();
    type Context = C;

    unsafe fn stop<T>(this: &HrTimer<T, C>) {
        // SAFETY: It is set up, and the caller may wait for the handler by this function's contract.
        unsafe { bindings::hrtimer_cancel(this.raw()) };
    }
}

// SAFETY: C's function asks for no more, and locks for itself.
unsafe impl<C: TimerContext> deferred::Cancel for Kind<C> {
    type Was = c_int;
    const CANCEL: unsafe extern "C" fn(*mut Self::Raw) -> c_int = bindings::hrtimer_cancel;
}

impl<T: Handler<Kind<C>>, C: TimerContext> HrTimer<T, C> {
    /// An initialiser for a timer that runs `handler`.
    pub fn new(handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        // SAFETY: The callback is for this type; the place is as `hrtimer_setup()` wants it. The mode
        // has the callback run in `C`.
        unsafe {
            Self::with((), handler, |raw| {
                let clock = bindings::CLOCK_MONOTONIC as bindings::clockid_t;
                bindings::hrtimer_setup(raw, Some(Self::expire), clock, C::MODE)
            })
        }
    }

    /// Runs the timer on this CPU, `delay_ns` nanoseconds from now. Returns whether it was idle, as
    /// seen just before; else it was moved. May be called in any context but an NMI, where it is refused.
    #[inline]
    pub fn start(&self, delay_ns: i64) -> bool {
        self.start_in_mode(delay_ns, C::MODE)
    }

    #[inline]
    fn start_in_mode(&self, time_ns: i64, mode: bindings::hrtimer_mode) -> bool {
        if nmi::is_refused() {
            return false;
        }
        // SAFETY: It is set up, and lives until `stop` has cancelled it; the field is always readable,
        // though it changes.
        unsafe {
            let is_idle = !(&raw const (*self.raw()).is_queued).read_volatile();
            bindings::hrtimer_start_range_ns(self.raw(), time_ns, 0, mode);
            is_idle
        }
    }

    /// Starts the timer for the first time in the future that is a multiple of `interval_ns` after its
    /// last expiry, and returns how many. In the handler this makes it periodic, and no delay adds up.
    ///
    /// Does nothing and returns 0 if `interval_ns` is not positive.
    pub fn forward(&self, interval_ns: i64) -> i64 {
        if interval_ns <= 0 {
            return 0;
        }
        // SAFETY: It is set up, and the field is always readable, though it changes.
        let last = unsafe { (&raw const (*self.raw()).node.expires).read_volatile() };
        // SAFETY: Can be called in any context but NMI.
        let passed = unsafe { bindings::ktime_get() }.saturating_sub(last).max(0);
        let periods = (passed / interval_ns).saturating_add(1);
        let next = last.saturating_add(periods.saturating_mul(interval_ns));
        self.start_in_mode(next, C::MODE_ABS);
        periods
    }

    /// How long ago the time was that it was last started for, in nanoseconds; negative if that is yet to
    /// come. In the handler: by how much it is late.
    ///
    /// ```
    /// # use irqlab::{context::HardIrq, hrtimer::{Handler, HrTimer, Kind}};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// /// By how much it was late.
    /// struct Punctual(Atomic<i64>);
    ///
    /// impl Handler<Kind<HardIrq>> for Punctual {
    ///     fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
    ///         this.0.store(this.late_ns(), Relaxed);
    ///     }
    /// }
    ///
    /// # let punctual = Punctual(Atomic::new(-1));
    /// # let timer = KBox::pin_init(HrTimer::new(Ok::<_, Error>(punctual)), GFP_KERNEL)?;
    /// timer.start(3_600_000_000_000);
    /// // It is yet to come.
    /// assert!(timer.late_ns() < 0);
    /// timer.start(1000);
    /// # eventually!(task, timer.0.load(Relaxed) >= 0);
    /// // A moment later:
    /// assert!(timer.0.load(Relaxed) >= 0);
    /// ```
    pub fn late_ns(&self) -> i64 {
        // SAFETY: It is set up, and the field is always readable, though it changes.
        let due = unsafe { (&raw const (*self.raw()).node.expires).read_volatile() };
        // SAFETY: Can be called in any context but NMI, where it may only be inexact.
        unsafe { bindings::ktime_get() }.saturating_sub(due)
    }

    /// Stops the timer if it does not run, and waits for nothing. Returns whether it was started; none
    /// if its handler runs now, and may start it again. May be called in any context but an NMI, where it
    /// is refused, with none.
    ///
    /// ```
    /// # use irqlab::hrtimer::{Handler, HrTimer, Kind};
    /// # use irqlab::context::HardIrq;
    /// # use kernel::prelude::*;
    /// # struct Never;
    /// # impl Handler<Kind<HardIrq>> for Never {
    /// #     fn run(_this: &HrTimer<Self>, _irq: &HardIrq) {}
    /// # }
    /// fn is_off<T: Handler<Kind<HardIrq>>>(timer: &HrTimer<T>) -> bool {
    ///     timer.try_to_cancel().is_some()
    /// }
    ///
    /// # let timer = KBox::pin_init(HrTimer::new(Ok::<_, Error>(Never)), GFP_KERNEL)?;
    /// timer.start(3_600_000_000_000);
    /// assert_eq!(timer.try_to_cancel(), Some(true));
    /// assert_eq!(timer.try_to_cancel(), Some(false));
    /// # assert!(is_off(&timer));
    /// ```
    pub fn try_to_cancel(&self) -> Option<bool> {
        if nmi::is_refused() {
            return None;
        }
        // SAFETY: It is set up, and lives until `stop` has cancelled it.
        match unsafe { bindings::hrtimer_try_to_cancel(self.raw()) } {
            -1 => None,
            was_started => Some(was_started != 0),
        }
    }

    /// # Safety
    ///
    /// For `hrtimer_setup()` with the `raw` of such a timer.
    unsafe extern "C" fn expire(raw: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By this function's contract.
        unsafe { Self::run(raw) };
        // It has started itself, if it wanted to.
        hrtimer_no_restart()
    }
}
