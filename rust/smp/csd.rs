// SPDX-License-Identifier: GPL-2.0

//! Call single data: one call that can be on its way, made from any context.
//!
//! ```text
//!              call_on()                  the CPU takes it
//!     idle ───────────────▶ pending ──────────────────────────▶ running
//!      ▲                     │    ▲ call_on(): refused, EBUSY      │
//!      │                     └────┴────── call_on() ───────────────┤
//!      └───────────────────────────────────────────────────────────┘
//! ```
//!
//! It can be sent again as soon as the handler runs, and to another CPU: so the handler
//! may run on several CPUs at a time.
//!
//! C header: [`include/linux/smp.h`](srctree/include/linux/smp.h)

use crate::{
    bindings,
    context::IrqsOff,
    cpu::CpuId,
    deferred::{
        self,
        Deferred,
        Handler, //
    },
    nmi, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
};

/// Why there will be no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCalled {
    /// The last call has yet to begin; or the object is being dropped. `EBUSY`.
    Pending,
    /// The CPU is offline. `ENXIO`.
    Offline,
    /// This is an NMI. `EINVAL`.
    InNmi,
}

impl From<NotCalled> for Error {
    fn from(why: NotCalled) -> Error {
        match why {
            NotCalled::Pending => EBUSY,
            NotCalled::Offline => ENXIO,
            NotCalled::InNmi => EINVAL,
        }
    }
}

/// One call around its handler. Dropping it waits for it: it is bound to be made, as a CPU
/// that goes offline makes those in its queue first.
///
/// ```
/// # use irqlab::{context::IrqsOff, cpu::CpuId, smp::{Csd, Handler, Kind, NotCalled}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// struct Count(Atomic<u64>);
///
/// impl Handler<Kind> for Count {
///     fn run(this: &Csd<Self>, _off: &IrqsOff) {
///         this.0.add(1, Relaxed);
///     }
/// }
///
/// fn count_on(cpu: CpuId) -> Result<Pin<KBox<Csd<Count>>>> {
///     let csd = KBox::pin_init(Csd::new(Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
///     csd.call_on(cpu)?;
///     if csd.call_on(cpu) == Err(NotCalled::Pending) {
///         pr_info!("the first call has yet to begin\n");
///     }
///     Ok(csd)
/// }
///
/// # let other = irqlab::cpu::next_online(CpuId::current()).ok_or(ENXIO)?;
/// let csd = count_on(other)?;
/// # eventually!(task, csd.0.load(Relaxed) > 0);
/// // A moment later:
/// assert!((1..=2).contains(&csd.0.load(Relaxed)));
/// ```
pub type Csd<T> = Deferred<Kind, T>;

/// The kind of deferral that call single data is.
pub enum Kind {}

/// What is known of a call besides.
///
/// # Invariants
///
/// C has the call only while `is_pending`. `nr_calls` is at least the number of calls that use the
/// object.
pub struct State {
    // C wants calls to be serialised, which is not the same as telling a pending one: two
    // CPUs could find that there is none.
    is_pending: Atomic<bool>,
    nr_calls: Atomic<usize>,
}

// SAFETY: Of several callers at once, `is_pending` lets one have the C side use the call. `stop` waits
// until no call is counted any more: only a handler can have sent the call meanwhile, and it is counted
// itself until then.
unsafe impl deferred::Kind for Kind {
    type Raw = bindings::call_single_data_t;
    type Own = State;
    type Context = IrqsOff;

    unsafe fn stop<T>(this: &Csd<T>) {
        while this.own().nr_calls.load(Acquire) > 0 {
            core::hint::spin_loop();
        }
    }
}

impl<T: Handler<Kind>> Csd<T> {
    /// An initialiser for a call of `handler`.
    pub fn new(handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        // INVARIANT: There is no call yet.
        let state = State {
            is_pending: Atomic::new(false),
            nr_calls: Atomic::new(0),
        };
        let setup = |raw: *mut bindings::call_single_data_t| {
            let call = bindings::call_single_data_t {
                func: Some(Self::callback),
                info: raw.cast(),
                ..Default::default()
            };
            // SAFETY: `with` gives a place that is valid for writes.
            unsafe { raw.write(call) };
        };
        // SAFETY: The callback is for this type, and gets the address of the very place.
        unsafe { Self::with(state, handler, setup) }
    }

    /// Has `cpu` call the handler, soon. The own CPU does so before this returns. May be
    /// called in any context but an NMI, with interrupts on or off; never waits.
    ///
    /// Errors: see [`NotCalled`].
    pub fn call_on(&self, cpu: CpuId) -> Result<(), NotCalled> {
        if nmi::is_refused() {
            return Err(NotCalled::InNmi);
        }
        let state = self.own();
        if self.is_dying() || state.is_pending.xchg(true, Full) {
            return Err(NotCalled::Pending);
        }
        // INVARIANT: Counted before it is made.
        state.nr_calls.add(1, Relaxed);
        // SAFETY: It is set up, and as `is_pending` was not set, C does not have it. `stop` waits for
        // the call.
        let error = unsafe {
            bindings::smp_call_function_single_async(u32::from(cpu) as c_int, self.raw())
        };
        if error == 0 {
            return Ok(());
        }
        // INVARIANT: C has refused it, and it will not be made.
        state.is_pending.store(false, Release);
        state.nr_calls.fetch_sub(1, Release);
        // EBUSY is for what is pending, which it was not.
        Err(NotCalled::Offline)
    }

    /// Whether a call has yet to begin.
    ///
    /// ```
    /// # use irqlab::{clock, smp::{Csd, Handler, Kind}};
    /// fn begins_soon<T: Handler<Kind>>(csd: &Csd<T>) -> bool {
    ///     clock::spin_until(1_000_000, || !csd.is_pending())
    /// }
    ///
    /// # use irqlab::{context::IrqsOff, cpu::CpuId};
    /// # use kernel::prelude::*;
    /// # struct Nothing;
    /// # impl Handler<Kind> for Nothing {
    /// #     fn run(_this: &Csd<Self>, _off: &IrqsOff) {}
    /// # }
    /// # let csd = KBox::pin_init(Csd::new(Ok::<_, Error>(Nothing)), GFP_KERNEL)?;
    /// # let here = irqlab::interrupt::local_interrupt_disable();
    /// // The own CPU is called at once.
    /// csd.call_on(CpuId::current())?;
    /// assert!(begins_soon(&csd));
    /// # drop(here);
    /// ```
    pub fn is_pending(&self) -> bool {
        self.own().is_pending.load(Acquire)
    }

    /// # Safety
    ///
    /// For a call of the C side, with the `raw` of a `Csd<T>`.
    unsafe extern "C" fn callback(raw: *mut c_void) {
        // SAFETY: By this function's contract; `stop` waits until this call is no longer counted.
        let this = unsafe { Self::from_raw(raw.cast()) };
        // C has unlocked it before it called this.
        this.own().is_pending.store(false, Release);
        // SAFETY: By this function's contract; such calls are made with interrupts off.
        unsafe { Self::run(raw.cast()) };
        // INVARIANT: The last use of the pointer. C uses it no more either, but for its
        // number.
        this.own().nr_calls.fetch_sub(1, Release);
    }
}
