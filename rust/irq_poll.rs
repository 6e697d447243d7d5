// SPDX-License-Identifier: GPL-2.0

//! IRQ poll: for block drivers what NAPI is for network drivers.
//!
//! The top half turns the device's interrupt off and schedules the poll. The soft IRQ
//! then calls the poll function again and again, until it says that nothing is left.
//! Each call handles a limited number of completions, the budget.
//!
//! C header: [`include/linux/irq_poll.h`](srctree/include/linux/irq_poll.h)

use crate::{
    bindings,
    context::{
        Context,
        SoftIrq, //
    },
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    types::Opaque, //
};

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

/// A poll around its handler. Dropping it takes it off and waits for it.
///
/// # Invariants
///
/// `raw` is set up with the callback for `T`, and lies in an `IrqPoll<T>`.
#[pin_data(PinnedDrop)]
pub struct IrqPoll<T: Handler> {
    #[pin]
    raw: Opaque<bindings::irq_poll>,
    #[pin]
    handler: T,
}

// SAFETY: The C side may be called from any context and CPU; the handler is `Send`.
unsafe impl<T: Handler> Send for IrqPoll<T> {}
// SAFETY: A shared reference gives `raw` only to functions of the C side that may be called on
// several CPUs at once, as its state is atomic; the handler is `Sync`.
unsafe impl<T: Handler> Sync for IrqPoll<T> {}

impl<T: Handler> IrqPoll<T> {
    /// An initialiser for a poll with a budget of `weight` completions at a time.
    pub fn new(weight: u8, handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            // INVARIANT: The callback recovers the poll from this very field.
            raw <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes, and stays where it is.
                unsafe { bindings::irq_poll_init(slot, weight.into(), Some(Self::callback)) };
            }),
        })
    }

    /// Polls soon, on this CPU. Nothing new if it is scheduled or disabled. May
    /// be called in any context but NMI.
    #[inline]
    pub fn schedule(&self) {
        // SAFETY: `raw` is set up; once `drop` has disabled it this does nothing.
        unsafe { bindings::irq_poll_sched(self.raw.get()) };
    }

    /// # Safety
    ///
    /// For `irq_poll_init` with the `raw` of an `IrqPoll<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::irq_poll, budget: c_int) -> c_int {
        // SAFETY: By the type invariant `raw` lies in an `IrqPoll<T>`; `drop`
        // waits until it is completed.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) };
        // SAFETY: Polls are run by the soft IRQ.
        let softirq = unsafe { SoftIrq::assume() };
        let budget = budget.unsigned_abs();
        let done = T::poll(this, softirq, budget).min(budget);
        if done < budget {
            // SAFETY: `raw` is set up, and this is its poll function.
            unsafe { bindings::irq_poll_complete(raw) };
            if T::has_more(this) {
                this.schedule();
            }
        }
        done as c_int
    }
}

impl<T: Handler> Deref for IrqPoll<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for IrqPoll<T> {
    fn drop(self: Pin<&mut Self>) {
        // Waits until a scheduled poll has completed, and keeps it from being
        // scheduled again.
        //
        // SAFETY: `raw` is set up. Dropping a poll is only correct where one may
        // sleep; the C side warns otherwise.
        unsafe { bindings::irq_poll_disable(self.raw.get()) };
    }
}
