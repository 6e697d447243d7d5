// SPDX-License-Identifier: GPL-2.0

//! Tasklets: a function that the soft IRQ runs once, soon, on this CPU.
//!
//! ```text
//!              schedule()                the soft IRQ takes it
//!     idle ───────────────▶ scheduled ──────────────────────────▶ running
//!      ▲                     │    ▲ schedule(): already, nothing     │
//!      │       disabled: stays    └────── schedule() ────────────────┤
//!      └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! However often it is scheduled before it runs, it runs once. It never runs on
//! two CPUs at a time; different tasklets do.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use crate::{
    bindings,
    context::{
        Context,
        SoftIrq,
        Task, //
    },
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    types::Opaque,
};

/// What a tasklet does.
pub trait Handler: Send + Sync + Sized + 'static {
    /// Runs in the soft IRQ. The tasklet dereferences to the handler, and may
    /// schedule itself again.
    fn run(this: &Tasklet<Self>, softirq: &SoftIrq);
}

/// A tasklet around its handler. Dropping it takes it off and waits for it.
///
/// ```
/// # use irqlab::{context::SoftIrq, tasklet::{Handler, Tasklet}};
/// # use kernel::prelude::*;
/// struct Greeter;
///
/// impl Handler for Greeter {
///     fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {
///         pr_info!("hello from the bottom half\n");
///     }
/// }
///
/// fn greet() -> Result<Pin<KBox<Tasklet<Greeter>>>> {
///     let tasklet = KBox::pin_init(Tasklet::new(Ok::<_, Error>(Greeter)), GFP_KERNEL)?;
///     tasklet.schedule();
///     Ok(tasklet)
/// }
/// ```
///
/// # Invariants
///
/// `raw` is set up with the callback for `T`, and lies in a `Tasklet<T>`.
#[pin_data(PinnedDrop)]
pub struct Tasklet<T: Handler> {
    #[pin]
    raw: Opaque<bindings::tasklet_struct>,
    // Set by `drop`, so that a handler that schedules itself comes to an end.
    is_dying: Atomic<bool>,
    #[pin]
    handler: T,
}

// SAFETY: The C side may be called from any context and CPU; the handler is `Send`.
unsafe impl<T: Handler> Send for Tasklet<T> {}
// SAFETY: A shared reference gives `raw` only to functions of the C side that may be called on
// several CPUs at once, as its state is atomic; so is `is_dying`; the handler is `Sync`.
unsafe impl<T: Handler> Sync for Tasklet<T> {}

impl<T: Handler> Tasklet<T> {
    /// An initialiser for a tasklet that runs `handler`.
    pub fn new(handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            is_dying: Atomic::new(false),
            // INVARIANT: The callback recovers the tasklet from this very field.
            raw <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes, and stays where it is.
                unsafe { bindings::tasklet_setup(slot, Some(Self::callback)) };
            }),
        })
    }

    /// Runs the tasklet soon, on this CPU. Nothing new if it is scheduled already.
    /// May be called in any context.
    #[inline]
    pub fn schedule(&self) {
        if !self.is_dying.load(Relaxed) {
            // SAFETY: `raw` is set up, and valid until `drop` has killed it.
            unsafe { bindings::tasklet_schedule(self.raw.get()) };
        }
    }

    /// As [`Self::schedule`], in the soft IRQ that runs before all others.
    #[inline]
    pub fn schedule_hi(&self) {
        if !self.is_dying.load(Relaxed) {
            // SAFETY: `raw` is set up, and valid until `drop` has killed it.
            unsafe { bindings::tasklet_hi_schedule(self.raw.get()) };
        }
    }

    /// Which tasklet this is, in the events of [`tracepoint`](crate::tracepoint).
    pub fn id(&self) -> usize {
        self.raw.get().addr()
    }

    /// The address of what the kernel calls for all tasklets with this type of handler: the
    /// function in the events of [`tracepoint`](crate::tracepoint).
    pub fn function(&self) -> usize {
        // SAFETY: `raw` is set up, and what it calls never changes.
        let callback = unsafe { (*self.raw.get()).__bindgen_anon_1.callback };
        callback.map_or(0, |callback| callback as usize)
    }

    /// Keeps the tasklet from running until the guard is dropped, and waits for
    /// it if it runs now. Nests.
    ///
    /// If it is scheduled meanwhile it stays so, and keeps its soft IRQ, and
    /// with that ksoftirqd, busy.
    pub fn disable(self: &Arc<Self>, _task: &Task) -> Disabled<T> {
        // SAFETY: `raw` is set up, and the token proves that this may sleep.
        unsafe { bindings::tasklet_disable(self.raw.get()) };
        // INVARIANT: Just disabled.
        Disabled(self.clone())
    }

    /// Waits until the tasklet is neither scheduled nor running. It can be scheduled again.
    ///
    /// Waits for ever while the tasklet is scheduled and disabled: hence not for everybody.
    pub(crate) fn kill(&self, _task: &Task) {
        // SAFETY: `raw` is set up, and the token proves that this may sleep.
        unsafe { bindings::tasklet_kill(self.raw.get()) };
    }

    /// # Safety
    ///
    /// For `tasklet_setup` with the `raw` of a `Tasklet<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::tasklet_struct) {
        // SAFETY: By the type invariant `raw` lies in a `Tasklet<T>`; `drop`
        // waits for this function before it goes.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) };
        // SAFETY: Tasklets are run by the soft IRQ.
        T::run(this, unsafe { SoftIrq::assume() });
    }
}

impl<T: Handler> Deref for Tasklet<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Tasklet<T> {
    fn drop(self: Pin<&mut Self>) {
        self.is_dying.store(true, Relaxed);
        // Cannot wait for ever: a disabled tasklet has guards, which hold it.
        //
        // SAFETY: `raw` is set up. Dropping a tasklet is only correct where one
        // may sleep; the C side warns otherwise.
        unsafe { bindings::tasklet_kill(self.raw.get()) };
    }
}

/// Keeps a tasklet disabled. Made by [`Tasklet::disable`].
///
/// # Invariants
///
/// One `tasklet_disable()` is this guard's to undo.
pub struct Disabled<T: Handler>(Arc<Tasklet<T>>);

impl<T: Handler> Drop for Disabled<T> {
    fn drop(&mut self) {
        // SAFETY: `raw` is set up; the type invariant owes it one enable.
        unsafe { bindings::tasklet_enable(self.0.raw.get()) };
    }
}
