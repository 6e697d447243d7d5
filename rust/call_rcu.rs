// SPDX-License-Identifier: GPL-2.0

//! RCU callbacks: a function that runs when all RCU readers that there are now have ended.
//!
//! What frees an object that readers may still see, without waiting for them: it takes some ticks,
//! and runs in the soft IRQ for RCU, or with bottom halves disabled in a thread of RCU's.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use crate::{
    bindings,
    context::Unsleeping,
    deferred::{
        self,
        Deferred, //
    },
    nmi,
    word::Word, //
};
use kernel::prelude::*;

pub use crate::deferred::Handler;

/// An RCU callback around its handler. Dropping it waits for a grace period or two, even if it is idle.
///
/// ```
/// # use irqlab::{call_rcu::{CallRcu, Handler, Kind}, context::Unsleeping};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Retire(Arc<Atomic<bool>>);
///
/// impl Handler<Kind> for Retire {
///     fn run(this: &CallRcu<Self>, _context: &Unsleeping) {
///         // Nobody reads the old one any more.
///         this.0.store(true, Relaxed);
///     }
/// }
///
/// let is_unread = Arc::new(Atomic::new(false), GFP_KERNEL)?;
/// let retire = Retire(is_unread.clone());
/// let callback = KBox::pin_init(CallRcu::new(Ok::<_, Error>(retire)), GFP_KERNEL)?;
/// callback.queue();
/// // Waits until it has run.
/// drop(callback);
/// assert!(is_unread.load(Relaxed));
/// ```
pub type CallRcu<T> = Deferred<Kind, T>;

/// The kind of deferral that an RCU callback is.
pub enum Kind {}

// SAFETY: C has the head only while `own`, whether it is queued, is set: of several callers at once one
// finds that it was not. `rcu_barrier()` waits until all callbacks that were queued before it have
// returned. The first one waits for those that began before they could see that the object is dying;
// each of them may have queued it once more, which the second one waits for.
unsafe impl deferred::Kind for Kind {
    type Raw = bindings::callback_head;
    type Own = Word;
    type Context = Unsleeping;

    unsafe fn stop<T>(_this: &CallRcu<T>) {
        for _ in 0..2 {
            // SAFETY: The caller may sleep by this function's contract.
            unsafe { bindings::rcu_barrier() };
        }
    }
}

impl<T: Handler<Kind>> CallRcu<T> {
    /// An initialiser for a callback that runs `handler`.
    pub fn new(handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        let setup = |raw: *mut bindings::callback_head| {
            // SAFETY: `with` gives a place that is valid for writes. C sets it up when it is queued.
            unsafe { raw.write(Default::default()) };
        };
        // SAFETY: `queue` passes a callback for this type.
        unsafe { Self::with(Word::new(0), handler, setup) }
    }

    /// Runs the callback when all read sections that have begun have ended, on this CPU. Returns
    /// whether it was idle. May be called in any context but an NMI, where it is refused.
    #[inline]
    pub fn queue(&self) -> bool {
        if nmi::is_refused() || self.is_dying() || self.own().swap(1) != 0 {
            return false;
        }
        // SAFETY: It is set up, C does not have it, and it lives until `stop` has waited for it.
        unsafe { bindings::call_rcu(self.raw(), Some(Self::callback)) };
        true
    }

    /// # Safety
    ///
    /// For `call_rcu()` with the `raw` of a `CallRcu<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::callback_head) {
        // SAFETY: By this function's contract; `stop` waits for this function.
        let this = unsafe { Self::from_raw(raw) };
        // C has taken it off before it called this.
        this.own().store_release(0);
        // SAFETY: By this function's contract; a callback of RCU's must not sleep.
        unsafe { Self::run(raw) };
    }
}
