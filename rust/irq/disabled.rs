// SPDX-License-Identifier: GPL-2.0

//! A line that is disabled for a while.

use super::{
    late::Late,
    line::Line,
    registration::Registration, //
};
use crate::context::Task;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Keeps a line disabled. Made by [`Registration::disable`] or [`Registration::disable_nosync`], whose
/// registration it holds: giving the line back meanwhile would reset its depth. May be dropped anywhere but
/// in an NMI. Where the controller is behind a bus that one has to wait for, and one may not sleep, the line is
/// enabled a moment later.
///
/// # Invariants
///
/// - The line counts it among those that it is disabled for, unless it was revoked.
/// - `late` is there if the line's controller is behind a bus.
pub struct Disabled<T: 'static> {
    registration: Arc<Registration<T>>,
    late: Option<Pin<KBox<Enabling<T>>>>,
}

/// What enables the line later.
///
/// # Invariants
///
/// `late` has a function for an `Enabling<T>` in a box.
#[pin_data]
struct Enabling<T: 'static> {
    #[pin]
    late: Late,
    registration: Arc<Registration<T>>,
}

impl<T> Disabled<T> {
    /// For any context but an NMI; where the controller is behind a bus, for tasks.
    ///
    /// Errors: `ENODEV` after the device was unbound, `ENOMEM`.
    pub(super) fn new(registration: &Arc<Registration<T>>) -> Result<Self> {
        let late = if registration.line().is_behind_bus()? {
            let enabling = pin_init!(Enabling {
                // INVARIANT: `enable` is for this type.
                late <- Late::new(enable::<T>),
                registration: registration.clone(),
            });
            Some(KBox::pin_init(enabling, GFP_KERNEL)?)
        } else {
            None
        };
        registration.line().disable()?;
        // INVARIANT: Just counted; and `late` is as it has to be.
        Ok(Self {
            registration: registration.clone(),
            late,
        })
    }
}

impl<T> Drop for Disabled<T> {
    fn drop(&mut self) {
        let line = self.registration.line();
        let late = self.late.take().filter(|_| Task::current().is_none());
        let Some(late) = late else {
            // By the type invariant it is this guard's to undo. This is a task, or there is no bus to wait for.
            line.enable();
            return;
        };
        // SAFETY: Nothing is moved out of the box: it is taken apart by `enable` only, or dropped.
        let late = KBox::into_raw(unsafe { Pin::into_inner_unchecked(late) });
        // SAFETY: It is valid, and in a box, which is given to `enable`; that enables `line`, for this guard, and
        // returns it.
        let queued = unsafe { Late::queue(&raw mut (*late).late, line) };
        if queued.is_err() {
            // Revocation has enabled the line.
            //
            // SAFETY: It came from the box, and nobody else was given it.
            drop(unsafe { Pin::new_unchecked(KBox::from_raw(late)) });
        }
    }
}

/// # Safety
///
/// For `late` of an `Enabling<T>` in a box, which is given to this, in place of a guard.
unsafe fn enable<T: 'static>(late: *mut Late) -> Arc<Line> {
    // SAFETY: By this function's contract `late` lies in an `Enabling<T>` that is ours, and that nothing has been
    // moved out of.
    let this = unsafe {
        let this = kernel::container_of!(late, Enabling<T>, late);
        Pin::new_unchecked(KBox::from_raw(this))
    };
    let line = this.registration.line().clone();
    line.enable();
    line
}
