// SPDX-License-Identifier: GPL-2.0

//! What all types of deferral share: an object around a handler, which C calls back later.
//!
//! ```text
//!             schedule(), queue(), start(): true        C calls the handler
//!     idle ────────────────────────────────▶ queued ───────────────────────▶ running
//!      ▲                                      │  ▲ once more: false           │
//!      ├────────────── cancel() ◀─────────────┘  └──── once more: true ───────┤
//!      └──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A type is a [`Kind`], which says what C has for it and how it is stopped, and methods of its own
//! that queue it: [`Tasklet`](crate::tasklet::Tasklet) is a `Deferred<tasklet::Kind, T>`. Whatever
//! queues an object returns whether it was idle: true if it is queued now and was not before, false
//! if it was queued already.

use crate::{
    bindings,
    context::{
        Context,
        Task, //
    },
    error::EDEADLK,
    word::Word, //
};
use core::ops::Deref;
use kernel::{prelude::*, sync::Arc, task::might_sleep, types::Opaque};

/// What is to be done later, by a deferral of kind `K`. A type may implement it for several kinds.
///
/// ```
/// # use irqlab::{context::Context, deferred::{Deferred, Handler, Kind}};
/// # use irqlab::{irq_work::IrqWork, tasklet::Tasklet};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Count(Arc<Atomic<u64>>);
///
/// /// Counts, whatever calls it.
/// impl<K: Kind> Handler<K> for Count {
///     fn run(this: &Deferred<K, Self>, _context: &K::Context) {
///         this.0.add(1, Relaxed);
///     }
/// }
///
/// let count = Arc::new(Atomic::new(0), GFP_KERNEL)?;
/// let tasklet = KBox::pin_init(Tasklet::new(Ok::<_, Error>(Count(count.clone()))), GFP_KERNEL)?;
/// let irq_work: Pin<KBox<IrqWork<_>>> =
///     KBox::pin_init(IrqWork::new(Ok::<_, Error>(Count(count.clone()))), GFP_KERNEL)?;
/// tasklet.schedule();
/// irq_work.queue();
/// // Waits until they have run.
/// drop((tasklet, irq_work));
/// assert_eq!(count.load(Relaxed), 2);
/// ```
pub trait Handler<K: Kind>: Send + Sync + Sized + 'static {
    /// Runs once for every time that the object was idle and was queued. The object dereferences to
    /// the handler, and may queue itself again. It must not drop the object.
    fn run(this: &Deferred<K, Self>, context: &K::Context);
}

/// A kind of deferral. Only this crate can make objects of it.
///
/// # Safety
///
/// - What this crate does with `Deferred::raw` through a shared object can be done on several CPUs
///   at a time.
/// - Once [`Self::stop`] has returned, C no longer has the object, and calls nothing for it; provided
///   that only what the handler does queues it meanwhile.
pub unsafe trait Kind: Sized + 'static {
    /// What C knows the object by.
    type Raw;

    /// What belongs to the object besides, such as the queue that it is for.
    type Own: Send + Sync;

    /// The context that the handler runs in.
    type Context: Context;

    /// Takes the object off, and waits until its handler does not run.
    ///
    /// # Safety
    ///
    /// `this` is set up. The caller may sleep, and is not its handler.
    unsafe fn stop<T>(this: &Deferred<Self, T>);

    /// Whether the handler of `this` is what calls, for kinds whose handlers may sleep.
    fn is_caller<T>(_this: &Deferred<Self, T>) -> bool {
        false
    }
}

/// A handler with what C needs to call it later.
///
/// Dropping it takes it off and waits for its handler: where one may sleep, and not in the handler
/// itself, which would wait for itself for ever. The kernel warns of both.
///
/// # Invariants
///
/// `raw` is set up with a callback that recovers the object from the address of `raw`.
#[pin_data(PinnedDrop)]
pub struct Deferred<K: Kind, T> {
    #[pin]
    raw: Opaque<K::Raw>,
    // Set by `drop`, so that a handler that queues itself comes to an end.
    is_dying: Word,
    #[pin]
    handler: T,
    own: K::Own,
}

// SAFETY: By the contract of `Kind` C takes the object from any CPU; the handler is `Send`, and so is
// what belongs to it.
unsafe impl<K: Kind, T: Send> Send for Deferred<K, T> {}
// SAFETY: By the contract of `Kind` a shared `raw` may be used on several CPUs at once; `is_dying` is
// atomic; the handler and what belongs to it are `Sync`.
unsafe impl<K: Kind, T: Sync> Sync for Deferred<K, T> {}

impl<K: Kind, T> Deferred<K, T> {
    /// An initialiser of an object whose `raw` is made by `setup`.
    ///
    /// # Safety
    ///
    /// `setup` is called with a place that is valid for writes and stays where it is. It must set it
    /// up with a callback for this very type, which ends in [`Self::run`], or recovers the object by
    /// [`Self::from_raw`].
    pub(crate) unsafe fn with(
        own: K::Own,
        handler: impl PinInit<T, Error>,
        setup: impl FnOnce(*mut K::Raw),
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            is_dying: Word::new(0),
            own,
            // INVARIANT: By this function's contract.
            raw <- Opaque::ffi_init(setup),
        })
    }

    /// What C knows the object by.
    #[inline]
    pub(crate) fn raw(&self) -> *mut K::Raw {
        self.raw.get()
    }

    #[inline]
    pub(crate) fn own(&self) -> &K::Own {
        &self.own
    }

    /// Whether it is being dropped, so that the handler must not queue it any more.
    #[inline]
    pub(crate) fn is_dying(&self) -> bool {
        self.is_dying.load() != 0
    }

    /// Which object this is, in the events of [`tracepoint`](crate::tracepoint).
    ///
    /// ```
    /// # use irqlab::{context::SoftIrq, tasklet::{Handler, Kind, Tasklet}};
    /// # use kernel::prelude::*;
    /// # struct Quiet;
    /// # impl Handler<Kind> for Quiet {
    /// #     fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {}
    /// # }
    /// fn is_mine<T>(tasklet: &Tasklet<T>, seen: usize) -> bool {
    ///     tasklet.id() == seen
    /// }
    ///
    /// # let one = KBox::pin_init(Tasklet::new(Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
    /// # let other = KBox::pin_init(Tasklet::new(Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
    /// assert!(is_mine(&one, one.id()) && !is_mine(&one, other.id()));
    /// ```
    pub fn id(&self) -> usize {
        self.raw().addr()
    }

    /// # Safety
    ///
    /// `raw` is that of an object of this type, which C calls back.
    #[inline]
    pub(crate) unsafe fn from_raw<'a>(raw: *mut K::Raw) -> &'a Self {
        // SAFETY: By this function's contract it lies in a `Self`, and as C calls back, `drop` has yet
        // to return from `Kind::stop`.
        unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) }
    }
}

impl<K: Kind, T: Handler<K>> Deferred<K, T> {
    /// The callback of kinds whose C side passes what it knows the object by.
    ///
    /// # Safety
    ///
    /// `raw` is that of an object of this type, which C calls back in the context of `K`.
    pub(crate) unsafe extern "C" fn run(raw: *mut K::Raw) {
        // SAFETY: By this function's contract, for both: the object is there, the context is that one.
        unsafe { K::Context::during(|context| T::run(Self::from_raw(raw), context)) };
    }
}

impl<K: Kind, T> Deref for Deferred<K, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<K: Kind, T> PinnedDrop for Deferred<K, T> {
    fn drop(self: Pin<&mut Self>) {
        warn_unless_may_wait(K::is_caller(&*self));
        self.is_dying.store(1);
        // SAFETY: Set up by the type invariant. Who drops it where one must not wait was warned, and
        // waits for ever at worst: then it is never freed.
        unsafe { K::stop(&*self) };
    }
}

/// Warns, in every kernel, if the caller must not wait where it is for what calls it back; or must not at all, as it
/// `is_waited_for` itself.
pub(crate) fn warn_unless_may_wait(is_waited_for: bool) {
    kernel::warn_on!(Task::current().is_none() || is_waited_for);
    might_sleep();
}

/// A kind that can be taken off before it runs.
///
/// ```
/// # use irqlab::{context::{SoftIrq, Task}, deferred::{Cancel, Deferred}};
/// # use irqlab::{new_timer, timer::{Handler, Kind, Timer}};
/// # use kernel::prelude::*;
/// # struct Never;
/// # impl Handler<Kind> for Never {
/// #     fn run(_this: &Timer<Self>, _softirq: &SoftIrq) {}
/// # }
/// /// Takes all of them off.
/// fn quiet<K: Cancel, T>(all: &[Pin<KBox<Deferred<K, T>>>], task: &Task) -> Result {
///     for one in all {
///         one.cancel(task)?;
///     }
///     Ok(())
/// }
///
/// # const IN_AN_HOUR: usize = 3600 * 1000;
/// # let timer = || KBox::pin_init(new_timer!(Ok::<_, Error>(Never)), GFP_KERNEL);
/// let timers = [timer()?, timer()?];
/// timers[0].start(IN_AN_HOUR);
/// quiet(&timers, task)?;
/// // It was off already.
/// assert_eq!(timers[0].cancel(task), Ok(false));
/// ```
///
/// # Safety
///
/// [`Self::CANCEL`] can be called with the `raw` of an object that is set up, where one may sleep, but not
/// by its handler.
pub unsafe trait Cancel: Kind {
    /// What tells whether it was queued: its default value, such as 0, says no.
    type Was: Default + PartialEq;

    /// Takes the object off and waits for its handler.
    const CANCEL: unsafe extern "C" fn(*mut Self::Raw) -> Self::Was;
}

impl<K: Cancel, T> Deferred<K, T> {
    /// Takes it off, and waits for its handler if it runs. Returns whether it was queued. It can be
    /// queued again.
    ///
    /// Errors: `EDEADLK` in its own handler.
    ///
    /// ```
    /// # use irqlab::{context::{SoftIrq, Task}, new_timer, timer::{Handler, Kind, Timer}};
    /// # use kernel::prelude::*;
    /// # struct TimeOut;
    /// # impl Handler<Kind> for TimeOut {
    /// #     fn run(_this: &Timer<Self>, _softirq: &SoftIrq) {}
    /// # }
    /// fn was_in_time<T>(time_out: &Timer<T>, task: &Task) -> Result<bool> {
    ///     time_out.cancel(task)
    /// }
    ///
    /// # const IN_AN_HOUR: usize = 3600 * 1000;
    /// let time_out = KBox::pin_init(new_timer!(Ok::<_, Error>(TimeOut)), GFP_KERNEL)?;
    /// time_out.start(IN_AN_HOUR);
    /// assert!(was_in_time(&time_out, task)?);
    /// ```
    pub fn cancel(&self, _task: &Task) -> Result<bool> {
        if K::is_caller(self) {
            return Err(EDEADLK);
        }
        // SAFETY: It is set up, the token proves that this may sleep, and the handler was just excluded.
        Ok(unsafe { K::CANCEL(self.raw()) } != K::Was::default())
    }
}

/// A kind whose objects can be waited for.
///
/// ```
/// # use irqlab::{context::Task, deferred::{Deferred, Flush}, new_work};
/// # use irqlab::workqueue::{Handler, Kind, Queue, Work};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// # struct Count(Arc<Atomic<u32>>);
/// # impl Handler<Kind> for Count {
/// #     fn run(this: &Work<Self>, _task: &Task) {
/// #         this.0.add(1, Relaxed);
/// #     }
/// # }
/// /// When it returns, all have run.
/// fn flush<K: Flush, T>(all: &[Pin<KBox<Deferred<K, T>>>], task: &Task) -> Result {
///     for one in all {
///         one.flush(task)?;
///     }
///     Ok(())
/// }
///
/// # let nr_runs = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
/// # let work = || KBox::pin_init(new_work!(Ok::<_, Error>(Count(nr_runs.clone()))), GFP_KERNEL);
/// # let queue = Queue::unbound(c"example")?;
/// let works = [work()?, work()?];
/// for work in &works {
///     work.queue(&queue);
/// }
/// flush(&works, task)?;
/// assert_eq!(nr_runs.load(Relaxed), 2);
/// ```
///
/// # Safety
///
/// [`Self::FLUSH`] can be called with the `raw` of an object that is set up, where one may sleep, unless
/// its handler waits for the caller.
pub unsafe trait Flush: Kind {
    /// What C tells of it, which nobody needs.
    type Told;

    /// Waits until the object has run as often as it was queued before.
    const FLUSH: unsafe extern "C" fn(*mut Self::Raw) -> Self::Told;

    /// Whether the handler of `this` cannot run before the caller has ended.
    fn waits_for_caller<T>(this: &Deferred<Self, T>) -> bool {
        Self::is_caller(this)
    }
}

impl<K: Flush, T> Deferred<K, T> {
    /// Waits until it has run as often as it was queued before.
    ///
    /// Errors: `EDEADLK` in its own handler, or in the thread that is to run it.
    ///
    /// ```
    /// # use irqlab::{context::Task, new_work, workqueue::{Handler, Kind, Queue, Work}};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler<Kind> for Count {
    /// #     fn run(this: &Work<Self>, _task: &Task) {
    /// #         this.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// fn do_it_now<T: Handler<Kind>>(work: &Work<T>, queue: &Queue, task: &Task) -> Result {
    ///     work.queue(queue);
    ///     work.flush(task)
    /// }
    ///
    /// # let queue = Queue::unbound(c"example")?;
    /// # let work = KBox::pin_init(new_work!(Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
    /// do_it_now(&work, &queue, task)?;
    /// assert_eq!(work.0.load(Relaxed), 1);
    /// ```
    pub fn flush(&self, _task: &Task) -> Result {
        if K::waits_for_caller(self) {
            return Err(EDEADLK);
        }
        // SAFETY: It is set up, the token proves that this may sleep, and who would wait for itself was
        // just excluded.
        unsafe { K::FLUSH(self.raw()) };
        Ok(())
    }
}

/// A kind that can be kept from running.
///
/// ```
/// # use irqlab::{context::{SoftIrq, Task}, deferred::{Deferred, Disable, Disabled}};
/// # use irqlab::tasklet::{Handler, Kind, Tasklet};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// # struct Count(Arc<Atomic<u32>>);
/// # impl Handler<Kind> for Count {
/// #     fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
/// #         this.0.add(1, Relaxed);
/// #     }
/// # }
/// fn both<K: Disable, T>(
///     one: &Arc<Deferred<K, T>>,
///     other: &Arc<Deferred<K, T>>,
///     task: &Task,
/// ) -> [Disabled<K, T>; 2] {
///     [one.disable(task), other.disable(task)]
/// }
///
/// # let nr_runs = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
/// # let one = Arc::pin_init(Tasklet::new(Ok::<_, Error>(Count(nr_runs.clone()))), GFP_KERNEL)?;
/// # let other = Arc::pin_init(Tasklet::new(Ok::<_, Error>(Count(nr_runs.clone()))), GFP_KERNEL)?;
/// let disabled = both(&one, &other, task);
/// one.schedule();
/// assert_eq!(nr_runs.load(Relaxed), 0);
/// drop(disabled);
/// drop(one);
/// assert_eq!(nr_runs.load(Relaxed), 1);
/// ```
///
/// # Safety
///
/// All three can be called with the `raw` of an object that is set up: [`Self::DISABLE_SYNC`] where one may
/// sleep, but not by its handler; [`Self::ENABLE`] once for each of the others.
pub unsafe trait Disable: Kind {
    /// What C tells of it, which nobody needs.
    type Told;

    /// Keeps the object from running.
    const DISABLE: unsafe extern "C" fn(*mut Self::Raw) -> Self::Told;

    /// As [`Self::DISABLE`], and waits for its handler.
    const DISABLE_SYNC: unsafe extern "C" fn(*mut Self::Raw) -> Self::Told;

    /// Undoes one of the others.
    const ENABLE: unsafe extern "C" fn(*mut Self::Raw) -> Self::Told;
}

impl<K: Disable, T> Deferred<K, T> {
    /// Keeps it from running until the guard is dropped, and waits for its handler if that runs, unless
    /// that is what calls this. Nests. What becomes of one that is queued meanwhile depends on the kind: a
    /// tasklet stays queued, and keeps its soft IRQ, and with that ksoftirqd, busy; work is refused.
    ///
    /// ```
    /// # use irqlab::{context::{SoftIrq, Task}, tasklet::{Handler, Kind, Tasklet}};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Count(Atomic<u32>);
    /// # impl Handler<Kind> for Count {
    /// #     fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
    /// #         this.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// fn without<T>(tasklet: &Arc<Tasklet<T>>, task: &Task, change: impl FnOnce()) {
    ///     let _disabled = tasklet.disable(task);
    ///     change();
    /// }
    ///
    /// # let tasklet = Arc::pin_init(Tasklet::new(Ok::<_, Error>(Count(Atomic::new(0)))), GFP_KERNEL)?;
    /// let mut nr_runs = u32::MAX;
    /// without(&tasklet, task, || {
    ///     tasklet.schedule();
    ///     nr_runs = tasklet.0.load(Relaxed);
    /// });
    /// assert_eq!(nr_runs, 0);
    /// ```
    pub fn disable(self: &Arc<Self>, _task: &Task) -> Disabled<K, T> {
        let disable = if K::is_caller(self) {
            K::DISABLE
        } else {
            K::DISABLE_SYNC
        };
        // SAFETY: It is set up, the token proves that this may sleep, and its handler does not wait.
        unsafe { disable(self.raw()) };
        // INVARIANT: Just disabled.
        Disabled(self.clone())
    }
}

/// Keeps an object disabled. Made by [`Deferred::disable`].
///
/// # Invariants
///
/// One disabling is this guard's to undo.
pub struct Disabled<K: Disable, T>(Arc<Deferred<K, T>>);

impl<K: Disable, T> Drop for Disabled<K, T> {
    fn drop(&mut self) {
        // SAFETY: It is set up, and this is owed by the type invariant.
        unsafe { K::ENABLE(self.0.raw()) };
    }
}

/// Whether the work item that this task carries out for a work queue is `work`.
pub(crate) fn is_current_work(work: *const bindings::work_struct) -> bool {
    // SAFETY: Can be called anywhere; null where no work item is carried out.
    core::ptr::eq(unsafe { bindings::current_work() }, work)
}
