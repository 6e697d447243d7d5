// SPDX-License-Identifier: GPL-2.0

//! Completions that can be used again, and waited for with a limit.
//!
//! `kernel::sync::Completion` only ever completes for good and waits without
//! end; an interrupt laboratory must survive an interrupt that does not come.
//!
//! C header: [`include/linux/completion.h`](srctree/include/linux/completion.h)

use crate::{
    bindings,
    context::Task, //
};
use kernel::{
    prelude::*,
    time::msecs_to_jiffies,
    types::Opaque, //
};

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The completion was signalled.
    Completed,
    /// The time was up.
    TimedOut,
    /// A signal for the waiting task came first.
    Interrupted,
}

/// Counts events that one task waits for.
///
/// ```
/// # use irqlab::{completion::{Completion, Waited}, context::Task};
/// # use kernel::{prelude::*, sync::Arc};
/// fn answers(request: impl FnOnce(Arc<Completion>), task: &Task) -> Result<bool> {
///     let answer = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
///     request(answer.clone());
///     if answer.is_complete() && answer.try_wait() {
///         return Ok(true);
///     }
///     match answer.wait_ms(task, 100) {
///         Waited::Completed => Ok(true),
///         Waited::TimedOut => Ok(false),
///         Waited::Interrupted => Err(EINTR),
///     }
/// }
///
/// /// Who was asked calls this, in a handler for instance.
/// fn answer(asked: &Completion) {
///     asked.complete();
/// }
///
/// assert!(answers(|asked| answer(&asked), task)?);
/// # // One event, one wait.
/// # let twice = KBox::pin_init(Completion::new(), GFP_KERNEL)?;
/// # twice.complete();
/// # assert!(twice.try_wait() && !twice.try_wait());
/// # assert_eq!(twice.wait_ms(task, 1), Waited::TimedOut);
/// ```
///
/// # Invariants
///
/// `raw` is initialised.
#[pin_data]
pub struct Completion {
    #[pin]
    raw: Opaque<bindings::completion>,
}

// SAFETY: The C side locks for itself.
unsafe impl Send for Completion {}
// SAFETY: The C side locks the completion in all that is done through a shared reference.
unsafe impl Sync for Completion {}

impl Completion {
    /// An initialiser for a completion that nothing has signalled.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: Initialised here.
            raw <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes and stays where it is.
                unsafe { bindings::init_completion(slot) };
            }),
        })
    }

    /// Signals one event. May be called in any context but NMI.
    #[inline]
    pub fn complete(&self) {
        // SAFETY: Initialised by the type invariant.
        unsafe { bindings::complete(self.raw.get()) };
    }

    /// Whether an event is there to be consumed. May be called in any context but NMI.
    #[inline]
    pub fn is_complete(&self) -> bool {
        // SAFETY: Initialised by the type invariant.
        unsafe { bindings::completion_done(self.raw.get()) }
    }

    /// Consumes one event if there is one, without waiting.
    #[inline]
    pub fn try_wait(&self) -> bool {
        // SAFETY: Initialised by the type invariant.
        unsafe { bindings::try_wait_for_completion(self.raw.get()) }
    }

    /// Waits for one event, however long that takes, and consumes it. For those who may sleep and have
    /// no token, as they are called by the kernel for that: the C side warns otherwise.
    pub(crate) fn wait(&self) {
        // SAFETY: Initialised by the type invariant; sleeping elsewhere is reported by the C side, and
        // harms no memory.
        unsafe { bindings::wait_for_completion(self.raw.get()) };
    }

    /// Waits for one event, for at most `ms` milliseconds, and consumes it.
    pub fn wait_ms(&self, _task: &Task, ms: u32) -> Waited {
        // SAFETY: Initialised by the type invariant; the token proves that this
        // may sleep.
        let left = unsafe {
            bindings::wait_for_completion_interruptible_timeout(
                self.raw.get(),
                msecs_to_jiffies(ms),
            )
        };
        match left {
            0 => Waited::TimedOut,
            1.. => Waited::Completed,
            _ => Waited::Interrupted,
        }
    }
}
