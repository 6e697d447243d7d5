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
    context::{
        Context,
        IrqsOff, //
    },
    cpu::CpuId,
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
    types::Opaque,
};

/// What is called.
pub trait Handler: Send + Sync + Sized + 'static {
    /// Runs once for every [`Csd::call_on`] that succeeded. The object dereferences to the
    /// handler, and may send itself again.
    fn run(this: &Csd<Self>, off: &IrqsOff);
}

/// Why there will be no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCalled {
    /// The last call has yet to begin; or the object is being dropped. `EBUSY`.
    Pending,
    /// The CPU is offline. `ENXIO`.
    Offline,
}

impl From<NotCalled> for Error {
    fn from(why: NotCalled) -> Error {
        match why {
            NotCalled::Pending => EBUSY,
            NotCalled::Offline => ENXIO,
        }
    }
}

/// One call around its handler. Dropping it waits for it: it is bound to be made, as a CPU
/// that goes offline makes those in its queue first. It must not be dropped by its handler.
///
/// ```
/// # use irqlab::{context::IrqsOff, cpu::CpuId, smp::{Csd, Handler, NotCalled}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// struct Count(Atomic<u64>);
///
/// impl Handler for Count {
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
/// ```
///
/// # Invariants
///
/// `raw` has the callback for `T` and its own address, and lies in a `Csd<T>`; C has it
/// only while `is_pending`. `nr_calls` is at least the number of calls that use the object.
#[pin_data(PinnedDrop)]
pub struct Csd<T: Handler> {
    #[pin]
    raw: Opaque<bindings::call_single_data_t>,
    // C wants calls to be serialised, which is not the same as telling a pending one: two
    // CPUs could find that there is none.
    is_pending: Atomic<bool>,
    nr_calls: Atomic<usize>,
    // Set by `drop`, so that a handler that sends itself comes to an end.
    is_dying: Atomic<bool>,
    #[pin]
    handler: T,
}

// SAFETY: Calls of the C side are serialised by `is_pending`; the handler is `Send`.
unsafe impl<T: Handler> Send for Csd<T> {}
// SAFETY: Of several callers at once, `is_pending` lets one have the C side use `raw`; it,
// `nr_calls` and `is_dying` are atomic; the handler is `Sync`.
unsafe impl<T: Handler> Sync for Csd<T> {}

impl<T: Handler> Csd<T> {
    /// An initialiser for a call of `handler`.
    pub fn new(handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            is_pending: Atomic::new(false),
            nr_calls: Atomic::new(0),
            is_dying: Atomic::new(false),
            // INVARIANT: The callback gets the address of this very field.
            raw <- Opaque::ffi_init(|slot: *mut bindings::call_single_data_t| {
                let raw = bindings::call_single_data_t {
                    func: Some(Self::callback),
                    info: slot.cast(),
                    ..Default::default()
                };
                // SAFETY: `slot` is valid for writes, and stays where it is.
                unsafe { slot.write(raw) };
            }),
        })
    }

    /// Has `cpu` call the handler, soon. The own CPU does so before this returns. May be
    /// called in any context but NMI, with interrupts on or off; never waits.
    ///
    /// Errors: see [`NotCalled`].
    pub fn call_on(&self, cpu: CpuId) -> Result<(), NotCalled> {
        if self.is_dying.load(Relaxed) || self.is_pending.xchg(true, Full) {
            return Err(NotCalled::Pending);
        }
        // INVARIANT: Counted before it is made.
        self.nr_calls.add(1, Relaxed);
        // SAFETY: By the type invariant `raw` is set up, and as `is_pending` was not set, C
        // does not have it. `drop` waits for the call.
        let error = unsafe {
            bindings::smp_call_function_single_async(u32::from(cpu) as c_int, self.raw.get())
        };
        if error == 0 {
            return Ok(());
        }
        // INVARIANT: C has refused it, and it will not be made.
        self.is_pending.store(false, Release);
        self.nr_calls.fetch_sub(1, Release);
        // EBUSY is for what is pending, which it was not.
        Err(NotCalled::Offline)
    }

    /// By what the tracepoints of calls know this one.
    pub fn id(&self) -> usize {
        self.raw.get().addr()
    }

    /// Whether a call has yet to begin.
    pub fn is_pending(&self) -> bool {
        self.is_pending.load(Acquire)
    }

    /// # Safety
    ///
    /// For a call of the C side, with the `raw` of a `Csd<T>`.
    unsafe extern "C" fn callback(raw: *mut c_void) {
        let raw = raw.cast::<bindings::call_single_data_t>();
        // SAFETY: By the type invariant `raw` lies in a `Csd<T>`, which `drop` keeps until
        // this call is no longer counted.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) };
        // C has unlocked it before it called this.
        this.is_pending.store(false, Release);
        // SAFETY: Such calls are made with interrupts off.
        T::run(this, unsafe { IrqsOff::assume() });
        // INVARIANT: The last use of the pointer. C uses it no more either, but for its
        // number.
        this.nr_calls.fetch_sub(1, Release);
    }
}

impl<T: Handler> Deref for Csd<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Csd<T> {
    fn drop(self: Pin<&mut Self>) {
        self.is_dying.store(true, Relaxed);
        // Only a handler can have sent it meanwhile, which is counted itself until then.
        while self.nr_calls.load(Acquire) > 0 {
            core::hint::spin_loop();
        }
    }
}
