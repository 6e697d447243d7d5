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
    context::{
        Context,
        HardIrq,
        SoftIrq, //
    },
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    types::Opaque,
};

/// What a timer does.
pub trait Handler: Send + Sync + Sized + 'static {
    /// The context it runs in: [`HardIrq`] or [`SoftIrq`].
    type Context: TimerContext;

    /// Runs when the time has come. The timer dereferences to the handler, and
    /// may start itself again.
    fn run(this: &HrTimer<Self>, context: &Self::Context);
}

/// A context that high-resolution timers can run in.
pub trait TimerContext: Context {
    #[doc(hidden)]
    const MODE: bindings::hrtimer_mode;
}

impl TimerContext for HardIrq {
    const MODE: bindings::hrtimer_mode = bindings::hrtimer_mode_HRTIMER_MODE_REL_PINNED_HARD;
}

impl TimerContext for SoftIrq {
    const MODE: bindings::hrtimer_mode = bindings::hrtimer_mode_HRTIMER_MODE_REL_PINNED_SOFT;
}

/// The smallest difference between two expiries: 1 ns where these timers have a high resolution,
/// else the time of a tick.
pub fn resolution_ns() -> u32 {
    // SAFETY: Always readable; it changes once, when the first CPU switches to high resolution.
    unsafe { (&raw const bindings::hrtimer_resolution).read_volatile() }
}

/// A timer around its handler. Dropping it stops it and waits for it.
///
/// ```
/// # use irqlab::{context::HardIrq, hrtimer::{Handler, HrTimer}};
/// # use kernel::prelude::*;
/// struct Soon;
///
/// impl Handler for Soon {
///     type Context = HardIrq;
///
///     fn run(_this: &HrTimer<Self>, _irq: &HardIrq) {
///         pr_info!("50 microseconds later\n");
///     }
/// }
///
/// fn later() -> Result<Pin<KBox<HrTimer<Soon>>>> {
///     let timer = KBox::pin_init(HrTimer::new(Ok::<_, Error>(Soon)), GFP_KERNEL)?;
///     timer.start(50_000);
///     Ok(timer)
/// }
/// ```
///
/// # Invariants
///
/// `raw` is set up with the callback for `T`, and lies in an `HrTimer<T>`.
#[pin_data(PinnedDrop)]
pub struct HrTimer<T: Handler> {
    #[pin]
    raw: Opaque<bindings::hrtimer>,
    // Set by `drop`, so that a handler that starts its timer comes to an end.
    is_dying: Atomic<bool>,
    #[pin]
    handler: T,
}

// SAFETY: The C side may be called from any context and CPU; the handler is `Send`.
unsafe impl<T: Handler> Send for HrTimer<T> {}
// SAFETY: A shared reference gives `raw` only to functions of the C side that may be called on
// several CPUs at once, which lock it; `is_dying` is atomic; the handler is `Sync`.
unsafe impl<T: Handler> Sync for HrTimer<T> {}

impl<T: Handler> HrTimer<T> {
    /// An initialiser for a timer that runs `handler`.
    pub fn new(handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            is_dying: Atomic::new(false),
            // INVARIANT: The callback recovers the timer from this very field.
            raw <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes, and stays where it is.
                unsafe {
                    bindings::hrtimer_setup(
                        slot,
                        Some(Self::callback),
                        bindings::CLOCK_MONOTONIC as bindings::clockid_t,
                        T::Context::MODE,
                    )
                };
            }),
        })
    }

    /// Runs the timer on this CPU, `delay_ns` nanoseconds from now; moves it if
    /// it is started. May be called in any context but NMI.
    #[inline]
    pub fn start(&self, delay_ns: i64) {
        if !self.is_dying.load(Relaxed) {
            // SAFETY: `raw` is set up, and valid until `drop` has cancelled it.
            unsafe {
                bindings::hrtimer_start_range_ns(self.raw.get(), delay_ns, 0, T::Context::MODE)
            };
        }
    }

    /// Which timer this is, in the events of [`tracepoint`](crate::tracepoint).
    pub fn id(&self) -> usize {
        self.raw.get().addr()
    }

    /// # Safety
    ///
    /// For `hrtimer_setup` with the `raw` of an `HrTimer<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: By the type invariant `raw` lies in an `HrTimer<T>`; `drop`
        // waits for this function before it goes.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) };
        // SAFETY: The mode of `T::Context` has it run in that context.
        T::run(this, unsafe { T::Context::assume() });
        bindings::hrtimer_restart::HRTIMER_NORESTART
    }
}

impl<T: Handler> Deref for HrTimer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for HrTimer<T> {
    fn drop(self: Pin<&mut Self>) {
        self.is_dying.store(true, Relaxed);
        // Twice: a handler that passed the check before may have started the
        // timer once more while it ran.
        for _ in 0..2 {
            // SAFETY: `raw` is set up. Dropping a timer is only correct where
            // one may wait for its handler.
            unsafe { bindings::hrtimer_cancel(self.raw.get()) };
        }
    }
}
