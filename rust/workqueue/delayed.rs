// SPDX-License-Identifier: GPL-2.0

//! Delayed work: work that a timer puts on its queue.

use super::Queue;
use crate::{
    bindings,
    context::{
        Context,
        Task, //
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

/// What a piece of delayed work does.
pub trait DelayedHandler: Send + Sync + Sized + 'static {
    /// Runs once for every time that [`DelayedWork::queue`] returned true. The
    /// work dereferences to the handler, and may queue itself again.
    fn run(this: &DelayedWork<Self>, task: &Task);
}

/// Makes an initialiser for [`DelayedWork`], with a lock class of its own.
///
/// ```
/// # use irqlab::{context::Task, new_delayed_work};
/// # use irqlab::workqueue::{DelayedHandler, DelayedWork, Queue};
/// # use kernel::prelude::*;
/// struct Later;
///
/// impl DelayedHandler for Later {
///     fn run(_this: &DelayedWork<Self>, _task: &Task) {
///         pr_info!("a while later\n");
///     }
/// }
///
/// fn later(queue: &Queue<Task>, task: &Task) -> Result {
///     let work = KBox::pin_init(new_delayed_work!(Ok::<_, Error>(Later)), GFP_KERNEL)?;
///     work.queue(queue, 10);
///     work.flush(task);
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! new_delayed_work {
    ($handler:expr) => {
        $crate::workqueue::DelayedWork::new(
            $handler,
            ::kernel::c_str!(::core::concat!(::core::file!(), ":", ::core::line!())),
            ::kernel::static_lock_class!(),
            ::kernel::static_lock_class!(),
        )
    };
}

/// Delayed work around its handler. Dropping it stops its timer, takes it off its
/// queue and waits for it. Made by [`new_delayed_work!`](crate::new_delayed_work).
///
/// # Invariants
///
/// `raw` is set up with the callback for `T`, and lies in a `DelayedWork<T>`.
#[pin_data(PinnedDrop)]
pub struct DelayedWork<T: DelayedHandler> {
    #[pin]
    raw: Opaque<bindings::delayed_work>,
    #[pin]
    handler: T,
}

// SAFETY: The C side may be called from any context and CPU; the handler is `Send`.
unsafe impl<T: DelayedHandler> Send for DelayedWork<T> {}
// SAFETY: A shared reference gives `raw` only to functions of the C side that may be called on
// several CPUs at once, which lock it; the handler is `Sync`.
unsafe impl<T: DelayedHandler> Sync for DelayedWork<T> {}

impl<T: DelayedHandler> DelayedWork<T> {
    /// An initialiser. Use [`new_delayed_work!`](crate::new_delayed_work).
    pub fn new(
        handler: impl PinInit<T, Error>,
        name: &'static CStr,
        work_key: Pin<&'static LockClassKey>,
        timer_key: Pin<&'static LockClassKey>,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            // INVARIANT: The callback recovers the work from this very field.
            raw <- Opaque::ffi_init(|slot: *mut bindings::delayed_work| {
                // SAFETY: `slot` is valid for writes and stays where it is; the
                // name and the keys are static.
                unsafe {
                    bindings::init_work_with_key(
                        &raw mut (*slot).work,
                        Some(Self::callback),
                        false,
                        name.as_char_ptr(),
                        work_key.as_ptr(),
                    );
                    bindings::timer_init_key(
                        &raw mut (*slot).timer,
                        Some(bindings::delayed_work_timer_fn),
                        bindings::TIMER_IRQSAFE,
                        name.as_char_ptr(),
                        timer_key.as_ptr(),
                    );
                }
            }),
        })
    }

    /// Puts the work on `queue` `ticks` ticks from now: never earlier. Returns
    /// false, and changes nothing, if it is pending already. May be called in
    /// any context but NMI.
    #[inline]
    pub fn queue(&self, queue: &Queue<Task>, ticks: Jiffies) -> bool {
        // SAFETY: `raw` is set up, and valid until `drop` has taken it off.
        unsafe {
            bindings::queue_delayed_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                queue.as_raw(),
                self.raw.get(),
                ticks,
            )
        }
    }

    /// As [`Self::queue`], but has the work wait for `ticks` ticks from now if it is pending
    /// already. Returns whether it was.
    #[inline]
    pub fn modify(&self, queue: &Queue<Task>, ticks: Jiffies) -> bool {
        // SAFETY: `raw` is set up, and valid until `drop` has taken it off.
        unsafe {
            bindings::mod_delayed_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                queue.as_raw(),
                self.raw.get(),
                ticks,
            )
        }
    }

    /// Which work this is, in the events of [`tracepoint`](crate::tracepoint).
    pub fn id(&self) -> usize {
        // SAFETY: `raw` is set up; only the address of the field is taken.
        unsafe { (&raw const (*self.raw.get()).work).addr() }
    }

    /// The address of what the kernel calls for all work with this type of handler: the function
    /// in the events of [`tracepoint`](crate::tracepoint).
    pub fn function(&self) -> usize {
        // SAFETY: `raw` is set up, and what it calls never changes.
        let callback = unsafe { (*self.raw.get()).work.func };
        callback.map_or(0, |callback| callback as usize)
    }

    /// Stops the timer, takes the work off its queue and waits for it if it
    /// runs. Returns whether it was pending.
    pub fn cancel(&self, _task: &Task) -> bool {
        // SAFETY: `raw` is set up; the token proves that this may sleep.
        unsafe { bindings::cancel_delayed_work_sync(self.raw.get()) }
    }

    /// Puts the work on its queue at once if its timer runs, and waits for it.
    pub fn flush(&self, _task: &Task) -> bool {
        // SAFETY: `raw` is set up; the token proves that this may sleep.
        unsafe { bindings::flush_delayed_work(self.raw.get()) }
    }

    /// # Safety
    ///
    /// For `init_work_with_key` with the `raw.work` of a `DelayedWork<T>`.
    unsafe extern "C" fn callback(work: *mut bindings::work_struct) {
        // SAFETY: By the type invariant the work lies in a `delayed_work` that
        // lies in a `DelayedWork<T>`; `drop` waits for this function before it goes.
        let this = unsafe {
            let raw = kernel::container_of!(work, bindings::delayed_work, work);
            &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw)
        };
        // SAFETY: Only a `Queue<Task>` takes this work.
        T::run(this, unsafe { Task::assume() });
    }
}

impl<T: DelayedHandler> Deref for DelayedWork<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: DelayedHandler> PinnedDrop for DelayedWork<T> {
    fn drop(self: Pin<&mut Self>) {
        // Disable rather than cancel, so that work that queues itself ends.
        //
        // SAFETY: `raw` is set up. Dropping work is only correct where one may
        // sleep; the C side warns otherwise.
        unsafe { bindings::disable_delayed_work_sync(self.raw.get()) };
    }
}
