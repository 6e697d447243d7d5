// SPDX-License-Identifier: GPL-2.0

//! Timers: a function that the timer soft IRQ runs after some ticks.
//!
//! They suit time-outs, which hardly ever expire: they are cheap to start and to stop, but
//! no more precise than the tick.
//!
//! C header: [`include/linux/timer.h`](srctree/include/linux/timer.h)

use crate::{
    bindings,
    clock,
    context::{
        SoftIrq,
        Task, //
    },
    deferred::{
        self,
        Deferred, //
    },
    nmi, //
};
use kernel::{
    cpu::CpuId,
    prelude::*,
    str::CStr,
    sync::LockClassKey,
    time::Jiffies, //
};

pub use crate::deferred::Handler;

/// Makes an initialiser for [`Timer`], with a lock class of its own.
///
/// ```
/// # use irqlab::{context::SoftIrq, new_timer, timer::{Handler, Kind, Timer}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// /// Runs every two ticks, until it is cancelled or dropped, and counts them.
/// struct Periodic(Atomic<usize>);
///
/// impl Handler<Kind> for Periodic {
///     fn run(this: &Timer<Self>, _softirq: &SoftIrq) {
///         this.0.add(this.forward(2), Relaxed);
///     }
/// }
///
/// let periodic = Ok::<_, Error>(Periodic(Atomic::new(0)));
/// let timer = KBox::pin_init(new_timer!(periodic), GFP_KERNEL)?;
/// timer.start(2);
/// # eventually!(task, timer.0.load(Relaxed) >= 3);
/// // A moment later:
/// assert!(timer.0.load(Relaxed) >= 3);
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

/// A timer around its handler. Made by [`new_timer!`](crate::new_timer).
pub type Timer<T> = Deferred<Kind, T>;

/// The kind of deferral that a timer is.
pub enum Kind {}

// SAFETY: The C side locks a timer in all that is done with it. `timer_shutdown_sync()` waits for the
// handler, and from then on starting the timer does nothing.
unsafe impl deferred::Kind for Kind {
    type Raw = bindings::timer_list;
    type Own = ();
    type Context = SoftIrq;

    unsafe fn stop<T>(this: &Timer<T>) {
        // SAFETY: It is set up, and the caller may wait for the handler by this function's contract.
        unsafe { bindings::timer_shutdown_sync(this.raw()) };
    }
}

// SAFETY: C's function asks for no more, and locks for itself.
unsafe impl deferred::Cancel for Kind {
    type Was = c_int;
    const CANCEL: unsafe extern "C" fn(*mut Self::Raw) -> c_int = bindings::timer_delete_sync;
}

impl<T: Handler<Kind>> Timer<T> {
    /// An initialiser for a timer. Use [`new_timer!`](crate::new_timer).
    pub fn new(
        handler: impl PinInit<T, Error>,
        name: &'static CStr,
        key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self, Error> {
        let (name, key) = (name.as_char_ptr(), key.as_ptr());
        // SAFETY: The callback is for this type; the place is as `timer_init_key()` wants it, the name
        // and the key are static. The soft IRQ calls it.
        unsafe {
            Self::with((), handler, move |raw| {
                bindings::timer_init_key(raw, Some(Self::run), 0, name, key)
            })
        }
    }

    /// Runs the timer `ticks` ticks from now: never earlier, and up to one later
    /// at best. Returns whether it was idle; else it was moved. May be called
    /// in any context but an NMI, where it is refused.
    #[inline]
    pub fn start(&self, ticks: Jiffies) -> bool {
        self.start_at(clock::ticks().wrapping_add(ticks))
    }

    /// As [`Self::start`], at a tick of [`clock::ticks`].
    #[inline]
    fn start_at(&self, tick: Jiffies) -> bool {
        if nmi::is_refused() {
            return false;
        }
        // SAFETY: It is set up; once it was shut down this does nothing.
        unsafe { bindings::mod_timer(self.raw(), tick) == 0 }
    }

    /// Starts the timer for the first tick in the future that is a multiple of `interval` ticks after its
    /// last expiry, and returns how many. In the handler this makes it periodic, and no delay adds up.
    ///
    /// Does nothing and returns 0 if `interval` is 0.
    ///
    /// ```
    /// # use irqlab::{context::SoftIrq, new_timer, timer::{Handler, Kind, Timer}};
    /// # use kernel::prelude::*;
    /// # struct Never;
    /// # impl Handler<Kind> for Never {
    /// #     fn run(_this: &Timer<Self>, _softirq: &SoftIrq) {}
    /// # }
    /// fn nr_missed<T: Handler<Kind>>(expired: &Timer<T>) -> usize {
    ///     expired.forward(10).saturating_sub(1)
    /// }
    ///
    /// # let timer = KBox::pin_init(new_timer!(Ok::<_, Error>(Never)), GFP_KERNEL)?;
    /// // It has yet to expire.
    /// timer.start(1_000_000);
    /// assert_eq!(nr_missed(&timer), 0);
    /// ```
    pub fn forward(&self, interval: Jiffies) -> usize {
        // SAFETY: It is set up, and the field is always readable, though it changes.
        let last = unsafe { (&raw const (*self.raw()).expires).read_volatile() };
        let passed = clock::ticks().wrapping_sub(last);
        // More than half of the range is a time in the future.
        let passed = if passed as isize >= 0 { passed } else { 0 };
        let Some(periods) = passed.checked_div(interval) else {
            return 0;
        };
        let periods = periods.wrapping_add(1);
        self.start_at(last.wrapping_add(periods.wrapping_mul(interval)));
        periods
    }

    /// As [`Self::start`], to run on `cpu`, which has to be online then. Waits for the handler first if it
    /// runs. Takes the timer for itself, as C does not lock what moves from CPU to CPU. From then on
    /// [`Self::start`] binds it to the CPU that it is called on.
    ///
    /// ```
    /// # use irqlab::{context::{SoftIrq, Task}, cpu::CpuId, new_timer, timer::{Handler, Kind, Timer}};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler<Kind> for Count {
    /// #     fn run(this: &Timer<Self>, _softirq: &SoftIrq) {
    /// #         this.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// fn there<T: Handler<Kind>>(timer: &mut Pin<KBox<Timer<T>>>, cpu: CpuId, task: &Task) {
    ///     timer.as_mut().start_on(cpu, 1, task);
    /// }
    ///
    /// # let mut timer = KBox::pin_init(new_timer!(Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
    /// # let cpu = irqlab::cpu::online().next().ok_or(ENXIO)?;
    /// there(&mut timer, cpu, task);
    /// # eventually!(task, timer.0.load(Relaxed) > 0);
    /// // A moment later:
    /// assert_eq!(timer.0.load(Relaxed), 1);
    /// ```
    pub fn start_on(self: Pin<&mut Self>, cpu: CpuId, ticks: Jiffies, _task: &Task) {
        // SAFETY: It is set up, and the token proves that this may wait. Then the timer is idle, and stays
        // so, as nobody else has a reference and the handler has ended: so its expiry is free to be set.
        unsafe {
            let raw = self.raw();
            bindings::timer_delete_sync(raw);
            (*raw).expires = clock::ticks().wrapping_add(ticks);
            bindings::add_timer_on(raw, cpu.into());
        }
    }
}
