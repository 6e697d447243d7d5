// SPDX-License-Identifier: GPL-2.0

//! Attaching observers to tracepoints.

use super::{
    Observer,
    Probe,
    Tracepoint, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    sync::Arc, //
};

/// An observer that is attached to tracepoints. Dropping it detaches it from all
/// of them, and waits until nothing calls it any more, which takes some grace
/// periods.
///
/// ```
/// # use irqlab::{context::Unsleeping, tracepoint::{Attached, Observer, SoftirqRaise}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Raised(Atomic<u64>);
///
/// impl Observer<SoftirqRaise> for Raised {
///     fn observe(&self, _event: &SoftirqRaise, _context: &Unsleeping) {
///         self.0.add(1, Relaxed);
///     }
/// }
///
/// fn count() -> Result<Attached<Raised>> {
///     let mut attached = Attached::new(Arc::new(Raised(Atomic::new(0)), GFP_KERNEL)?);
///     attached.to::<SoftirqRaise>()?;
///     Ok(attached)
/// }
///
/// # use irqlab::{context::SoftIrq, tasklet::{self, Tasklet}};
/// # struct Quiet;
/// # impl tasklet::Handler<tasklet::Kind> for Quiet {
/// #     fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {}
/// # }
/// let attached = count()?;
/// # let tasklet = KBox::pin_init(Tasklet::new(Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
/// tasklet.schedule();
/// # drop(tasklet);
/// assert!(attached.observer().0.load(Relaxed) >= 1);
/// ```
///
/// # Invariants
///
/// Each of `points` calls its probe with a pointer to `observer`, whose type the
/// probe expects.
pub struct Attached<O> {
    points: KVec<(NonNull<bindings::tracepoint>, Probe)>,
    observer: Arc<O>,
}

// SAFETY: Tracepoints may be attached to and detached from on any thread; the
// observer is shared with all CPUs anyway.
unsafe impl<O: Send + Sync> Send for Attached<O> {}
// SAFETY: Through a shared reference there is only the observer, which is `Sync`.
unsafe impl<O: Send + Sync> Sync for Attached<O> {}

impl<O> Attached<O> {
    /// An observer that is attached to nothing yet.
    pub fn new(observer: Arc<O>) -> Self {
        // INVARIANT: There are no points.
        Self {
            points: KVec::new(),
            observer,
        }
    }

    /// Attaches the observer to a tracepoint. Sleeps.
    ///
    /// Errors: `ENOENT` if this kernel has no such tracepoint, `EEXIST` if the
    /// observer is attached to it already, `ENOMEM`.
    pub fn to<T: Tracepoint>(&mut self) -> Result
    where
        O: Observer<T>,
    {
        let point = find(T::NAME).ok_or(ENOENT)?;
        if self.points.iter().any(|(other, _)| *other == point) {
            return Err(EEXIST);
        }
        self.points.reserve(1, GFP_KERNEL)?;
        let probe = T::probe::<O>();
        // SAFETY: The tracepoint is the kernel's own, which stays. The probe has
        // the signature that it calls, and the observer is valid until `drop`
        // has waited for the last call.
        to_result(unsafe {
            bindings::tracepoint_probe_register(
                point.as_ptr(),
                probe.0,
                Arc::as_ptr(&self.observer).cast_mut().cast(),
            )
        })?;
        // INVARIANT: Just registered, with a probe for an `O`.
        Ok(self.points.push((point, probe), GFP_KERNEL)?)
    }

    /// The observer.
    ///
    /// ```
    /// # use irqlab::tracepoint::{Attached, Observer, TickStop};
    /// # use kernel::prelude::*;
    /// fn watch<O: Observer<TickStop>>(attached: &mut Attached<O>, show: impl Fn(&O)) -> Result {
    ///     attached.to::<TickStop>()?;
    ///     show(attached.observer());
    ///     Ok(())
    /// }
    ///
    /// # use irqlab::context::Unsleeping;
    /// # use kernel::sync::Arc;
    /// # struct Nobody;
    /// # impl Observer<TickStop> for Nobody {
    /// #     fn observe(&self, _event: &TickStop, _context: &Unsleeping) {}
    /// # }
    /// let mut attached = Attached::new(Arc::new(Nobody, GFP_KERNEL)?);
    /// watch(&mut attached, |_observer| pr_info!("it is told\n"))?;
    /// ```
    pub fn observer(&self) -> &Arc<O> {
        &self.observer
    }
}

impl<O> Drop for Attached<O> {
    fn drop(&mut self) {
        if self.points.is_empty() {
            return;
        }
        for (point, probe) in &self.points {
            // Does not fail: without memory it leaves a stub in the probe's place.
            //
            // SAFETY: Registered with these, by the type invariant.
            unsafe {
                bindings::tracepoint_probe_unregister(
                    point.as_ptr(),
                    probe.0,
                    Arc::as_ptr(&self.observer).cast_mut().cast(),
                )
            };
        }
        // SAFETY: Dropping an attached observer is only correct where one may
        // sleep; the C side warns otherwise.
        unsafe { bindings::tracepoint_synchronize_unregister() };
    }
}

/// The kernel's tracepoint called `name`. Those of modules are not among them.
fn find(name: &'static CStr) -> Option<NonNull<bindings::tracepoint>> {
    struct Search {
        name: &'static CStr,
        found: Option<NonNull<bindings::tracepoint>>,
    }

    /// # Safety
    ///
    /// `point` must be a tracepoint and `search` a `Search` that nobody else uses.
    unsafe extern "C" fn compare(point: *mut bindings::tracepoint, search: *mut c_void) {
        // SAFETY: By this function's contract.
        let search = unsafe { &mut *search.cast::<Search>() };
        // SAFETY: A tracepoint has a name.
        let name = unsafe { CStr::from_char_ptr((*point).name) };
        if name == search.name {
            search.found = NonNull::new(point);
        }
    }

    let mut search = Search { name, found: None };
    // SAFETY: Calls the function for each tracepoint, with the search.
    unsafe { bindings::for_each_kernel_tracepoint(Some(compare), (&raw mut search).cast()) };
    search.found
}
