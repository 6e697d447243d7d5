// SPDX-License-Identifier: GPL-2.0

//! Work: a function, its data, and the memory that the queue needs to hold it.

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
    cpu::CpuId,
    prelude::*,
    str::CStr,
    sync::{
        Arc,
        LockClassKey, //
    },
    types::Opaque,
};

/// What a piece of work does.
pub trait Handler: Send + Sync + Sized + 'static {
    /// The context it runs in: [`Task`], or [`SoftIrq`](crate::context::SoftIrq)
    /// for BH work queues.
    type Context: Context;

    /// Runs once for every time that [`Work::queue`] returned true. The work
    /// dereferences to the handler, and may queue itself again.
    fn run(this: &Work<Self>, context: &Self::Context);
}

/// Makes an initialiser for [`Work`], with lock classes of its own: one for work
/// in a task and one for work in a soft IRQ, which generic code makes by the same
/// line, and which hold different locks.
///
/// ```
/// # use irqlab::{context::Task, new_work, workqueue::{Handler, Queue, Work}};
/// # use kernel::prelude::*;
/// struct Report(u32);
///
/// impl Handler for Report {
///     type Context = Task;
///
///     fn run(this: &Work<Self>, task: &Task) {
///         task.sleep_ms(1);
///         pr_info!("value {}\n", this.0);
///     }
/// }
///
/// fn report(queue: &Queue<Task>, task: &Task) -> Result {
///     let work = KBox::pin_init(new_work!(Ok::<_, Error>(Report(1))), GFP_KERNEL)?;
///     work.queue(queue);
///     work.flush(task);
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! new_work {
    ($handler:expr) => {
        $crate::workqueue::Work::new(
            $handler,
            ::kernel::c_str!(::core::concat!(::core::file!(), ":", ::core::line!())),
            [
                ::kernel::static_lock_class!(),
                ::kernel::static_lock_class!(),
            ],
        )
    };
}

/// A piece of work around its handler. Dropping it takes it off its queue and
/// waits for it. Made by [`new_work!`](crate::new_work).
///
/// # Invariants
///
/// `raw` is set up with the callback for `T`, and lies in a `Work<T>`.
#[pin_data(PinnedDrop)]
pub struct Work<T: Handler> {
    #[pin]
    raw: Opaque<bindings::work_struct>,
    #[pin]
    handler: T,
}

// SAFETY: The C side may be called from any context and CPU; the handler is `Send`.
unsafe impl<T: Handler> Send for Work<T> {}
// SAFETY: A shared reference gives `raw` only to functions of the C side that may be called on
// several CPUs at once, which lock it; the handler is `Sync`.
unsafe impl<T: Handler> Sync for Work<T> {}

impl<T: Handler> Work<T> {
    /// An initialiser for work that runs `handler`. Use [`new_work!`](crate::new_work).
    pub fn new(
        handler: impl PinInit<T, Error>,
        name: &'static CStr,
        keys: [Pin<&'static LockClassKey>; 2],
    ) -> impl PinInit<Self, Error> {
        let key = keys[usize::from(T::Context::MAY_SLEEP)];
        try_pin_init!(Self {
            handler <- handler,
            // INVARIANT: The callback recovers the work from this very field.
            raw <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes and stays where it is; the
                // name and the key are static.
                unsafe {
                    bindings::init_work_with_key(
                        slot,
                        Some(Self::callback),
                        false,
                        name.as_char_ptr(),
                        key.as_ptr(),
                    )
                };
            }),
        })
    }

    /// Queues the work, on this CPU if the queue is per CPU. May be called in
    /// any context but NMI. Returns false, and changes nothing, if it is
    /// pending already or disabled.
    #[inline]
    pub fn queue(&self, queue: &Queue<T::Context>) -> bool {
        self.queue_raw(queue, bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int)
    }

    /// As [`Self::queue`], on `cpu`. While `cpu` is offline, anywhere.
    #[inline]
    pub fn queue_on(&self, queue: &Queue<T::Context>, cpu: CpuId) -> bool {
        self.queue_raw(queue, cpu.into())
    }

    #[inline]
    fn queue_raw(&self, queue: &Queue<T::Context>, cpu: c_int) -> bool {
        // SAFETY: `raw` is set up, and valid until `drop` has taken it off; the
        // queue runs it in the context that its handler is for, and drains
        // before it goes.
        unsafe { bindings::queue_work_on(cpu, queue.as_raw(), self.raw.get()) }
    }

    /// Which work this is, in the events of [`tracepoint`](crate::tracepoint).
    pub fn id(&self) -> usize {
        self.raw.get().addr()
    }

    /// The address of what the kernel calls for all work with this type of handler: the function
    /// in the events of [`tracepoint`](crate::tracepoint).
    pub fn function(&self) -> usize {
        // SAFETY: `raw` is set up, and what it calls never changes.
        let callback = unsafe { (*self.raw.get()).func };
        callback.map_or(0, |callback| callback as usize)
    }

    /// Takes the work off its queue and waits for it if it runs. Returns whether
    /// it was pending.
    pub fn cancel(&self, _task: &Task) -> bool {
        // SAFETY: `raw` is set up; the token proves that this may sleep.
        unsafe { bindings::cancel_work_sync(self.raw.get()) }
    }

    /// Waits until the work has run as often as it was queued before. Returns
    /// false if there was nothing to wait for.
    pub fn flush(&self, _task: &Task) -> bool {
        // SAFETY: `raw` is set up; the token proves that this may sleep.
        unsafe { bindings::flush_work(self.raw.get()) }
    }

    /// Cancels the work and refuses to queue it until the guard is dropped. Nests.
    pub fn disable(self: &Arc<Self>, _task: &Task) -> Disabled<T> {
        // SAFETY: `raw` is set up; the token proves that this may sleep.
        unsafe { bindings::disable_work_sync(self.raw.get()) };
        // INVARIANT: Just disabled.
        Disabled(self.clone())
    }

    /// # Safety
    ///
    /// For `init_work_with_key` with the `raw` of a `Work<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::work_struct) {
        // SAFETY: By the type invariant `raw` lies in a `Work<T>`; `drop` waits
        // for this function before it goes.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) };
        // SAFETY: Only a `Queue<T::Context>` takes this work.
        T::run(this, unsafe { T::Context::assume() });
    }
}

impl<T: Handler> Deref for Work<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Work<T> {
    fn drop(self: Pin<&mut Self>) {
        // Disable rather than cancel, so that work that queues itself ends.
        //
        // SAFETY: `raw` is set up. Dropping work is only correct where one may
        // sleep; the C side warns otherwise.
        unsafe { bindings::disable_work_sync(self.raw.get()) };
    }
}

/// Keeps work disabled. Made by [`Work::disable`].
///
/// # Invariants
///
/// One `disable_work()` is this guard's to undo.
pub struct Disabled<T: Handler>(Arc<Work<T>>);

impl<T: Handler> Drop for Disabled<T> {
    fn drop(&mut self) {
        // SAFETY: `raw` is set up; the type invariant owes it one enable.
        unsafe { bindings::enable_work(self.0.raw.get()) };
    }
}
