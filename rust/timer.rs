// SPDX-License-Identifier: GPL-2.0

//! Timers: a function that the timer soft IRQ runs after some ticks.
//!
//! They suit time-outs, which hardly ever expire: they are cheap to start and to stop, but
//! no more precise than the tick.
//!
//! C header: [`include/linux/timer.h`](srctree/include/linux/timer.h)

use crate::{
    bindings, clock,
    context::{
        Context,
        SoftIrq, //
    },
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    str::CStr,
    sync::LockClassKey,
    time::Jiffies,
    types::Opaque, //
};

/// What a timer does.
pub trait Handler: Send + Sync + Sized + 'static {
    /// Runs in the soft IRQ. The timer dereferences to the handler, and may
    /// start itself again.
    fn run(this: &Timer<Self>, softirq: &SoftIrq);
}

/// Makes an initialiser for [`Timer`], with a lock class of its own.
///
/// ```
/// # use irqlab::{context::SoftIrq, new_timer, timer::{Handler, Timer}};
/// # use kernel::prelude::*;
/// struct Late;
///
/// impl Handler for Late {
///     fn run(_this: &Timer<Self>, _softirq: &SoftIrq) {
///         pr_info!("time is up\n");
///     }
/// }
///
/// fn wait_for_nobody() -> Result<Pin<KBox<Timer<Late>>>> {
///     let timer = KBox::pin_init(new_timer!(Ok::<_, Error>(Late)), GFP_KERNEL)?;
///     timer.start(10);
///     Ok(timer)
/// }
/// ```
#[macro_export]
macro_rules! new_timer {
    ($handler:expr) => {
        $crate::timer::Timer::new(
            $handler,
            ::kernel::c_str!(::core::concat!(::core::file!(), ":", ::core::line!())),
            ::kernel::static_lock_class!(),
        )
    };
}

/// A timer around its handler. Dropping it stops it and waits for it. Made by
/// [`new_timer!`](crate::new_timer).
///
/// # Invariants
///
/// `raw` is set up with the callback for `T`, and lies in a `Timer<T>`.
#[pin_data(PinnedDrop)]
pub struct Timer<T: Handler> {
    #[pin]
    raw: Opaque<bindings::timer_list>,
    #[pin]
    handler: T,
}

// SAFETY: The C side may be called from any context and CPU; the handler is `Send`.
unsafe impl<T: Handler> Send for Timer<T> {}
// SAFETY: A shared reference gives `raw` only to functions of the C side that may be called on
// several CPUs at once, which lock it; the handler is `Sync`.
unsafe impl<T: Handler> Sync for Timer<T> {}

impl<T: Handler> Timer<T> {
    /// An initialiser for a timer. Use [`new_timer!`](crate::new_timer).
    pub fn new(
        handler: impl PinInit<T, Error>,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            // INVARIANT: The callback recovers the timer from this very field.
            raw <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes and stays where it is; the
                // name and the key are static.
                unsafe {
                    bindings::timer_init_key(
                        slot,
                        Some(Self::callback),
                        0,
                        name.as_char_ptr(),
                        key.as_ptr(),
                    )
                };
            }),
        })
    }

    /// Runs the timer `ticks` ticks from now: never earlier, and up to one later
    /// at best. Returns whether it was running, and so was moved. May be called
    /// in any context but NMI.
    #[inline]
    pub fn start(&self, ticks: Jiffies) -> bool {
        let expires = clock::ticks().wrapping_add(ticks);
        // SAFETY: `raw` is set up; once `drop` has shut it down this does nothing.
        unsafe { bindings::mod_timer(self.raw.get(), expires) != 0 }
    }

    /// Which timer this is, in the events of [`tracepoint`](crate::tracepoint).
    pub fn id(&self) -> usize {
        self.raw.get().addr()
    }

    /// # Safety
    ///
    /// For `timer_init_key` with the `raw` of a `Timer<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::timer_list) {
        // SAFETY: By the type invariant `raw` lies in a `Timer<T>`; `drop` waits
        // for this function before it goes.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) };
        // SAFETY: Timers are run by the soft IRQ.
        T::run(this, unsafe { SoftIrq::assume() });
    }
}

impl<T: Handler> Deref for Timer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Timer<T> {
    fn drop(self: Pin<&mut Self>) {
        // Shut down rather than delete, so that a timer that starts itself ends.
        //
        // SAFETY: `raw` is set up. Dropping a timer is only correct where one
        // may wait for its handler.
        unsafe { bindings::timer_shutdown_sync(self.raw.get()) };
    }
}
