// SPDX-License-Identifier: GPL-2.0

//! A kernel thread that belongs to a driver and works through a queue.
//!
//! Unlike the threads of a work queue it has a name, and its priority can be set: drivers
//! use it for work that has a deadline.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use crate::{
    bindings,
    context::{
        Context,
        Task, //
    },
    cpu::Set,
    task::nr_cpus_allowed, //
};
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    cpu::CpuId,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::CStr,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    types::Opaque,
};

/// A kernel thread that works through a queue. Dropping it lets it finish.
///
/// # Invariants
///
/// `raw` points to a worker that is ours to destroy.
pub struct Worker {
    raw: NonNull<bindings::kthread_worker>,
    /// The CPU that it was made for, if it was made for one.
    home: Option<CpuId>,
}

// SAFETY: The worker belongs to no thread of execution: any may destroy it. The CPU is a number.
unsafe impl Send for Worker {}
// SAFETY: What can be done with a shared worker is to queue work, to flush and to move its thread: for
// these the C side takes the worker's, or the scheduler's, own locks. The CPU never changes.
unsafe impl Sync for Worker {}

/// How the scheduler is to treat a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// As an ordinary task.
    Normal,
    /// SCHED_FIFO at the priority that the kernel gives all its real-time threads.
    Fifo,
    /// SCHED_FIFO at the lowest priority: above all ordinary tasks, no more.
    FifoLow,
}

impl Worker {
    /// Starts a worker called `name`.
    ///
    /// Errors: `ENOMEM`.
    pub fn new(name: &'static CStr, priority: Priority) -> Result<Arc<Self>> {
        // SAFETY: The name is a C string.
        let raw = unsafe { bindings::kthread_run_worker(name.as_char_ptr()) };
        // SAFETY: Just started, and nobody else's.
        unsafe { Self::from_raw(raw, None, priority) }
    }

    /// Starts a worker that runs on `cpu` only, called `name/<cpu>`.
    ///
    /// While the CPU is offline it runs elsewhere. Work that it begins after that, it does on `cpu`
    /// again. Errors: `ENOMEM`.
    pub fn on(cpu: CpuId, name: &'static CStr, priority: Priority) -> Result<Arc<Self>> {
        // SAFETY: The name is a C string, and a `CpuId` is one of the possible CPUs.
        let raw = unsafe { bindings::kthread_run_worker_on_cpu(cpu.as_u32(), name.as_char_ptr()) };
        // SAFETY: Just started, and nobody else's.
        unsafe { Self::from_raw(raw, Some(cpu), priority) }
    }

    /// # Safety
    ///
    /// `raw` is an error, or a new worker that is nobody else's to destroy.
    unsafe fn from_raw(
        raw: *mut bindings::kthread_worker,
        home: Option<CpuId>,
        priority: Priority,
    ) -> Result<Arc<Self>> {
        let raw = NonNull::new(from_err_ptr(raw)?).ok_or(ENOMEM)?;
        // INVARIANT: By the contract of this function.
        let worker = Self { raw, home };
        let task = worker.task();
        match priority {
            Priority::Normal => (),
            // SAFETY: The task lives as long as the worker, which is destroyed later.
            Priority::Fifo => unsafe { bindings::sched_set_fifo(task) },
            // SAFETY: The task lives as long as the worker, which is destroyed later.
            Priority::FifoLow => unsafe { bindings::sched_set_fifo_low(task) },
        }
        Ok(Arc::new(worker, GFP_KERNEL)?)
    }

    /// Its thread, which lives as long as the worker.
    fn task(&self) -> *mut bindings::task_struct {
        // SAFETY: The worker is ours by the type invariant, so that it is valid; its task was set
        // before it was started, and does not change.
        unsafe { (*self.raw.as_ptr()).task }
    }

    /// Binds the worker's thread, which calls this, to its CPU again: the kernel lets it go
    /// anywhere, and leaves it at that, as soon as it is to run while the CPU is offline.
    fn go_home(&self, _task: &Task) {
        let is_home = |home| nr_cpus_allowed() == 1 && CpuId::current() == home;
        if let Some(home) = self.home.filter(|home| !is_home(*home)) {
            // While the CPU is still offline this changes nothing.
            //
            // SAFETY: The task is this very thread, the CPU one of the possible ones, and the token
            // proves that this may sleep.
            unsafe { bindings::kthread_rebind(self.task(), home.as_u32()) };
        }
    }

    /// Moves the worker's thread to the CPUs of `cpus`, from wherever it runs: waits until it has
    /// left a CPU that is none of them, which it cannot while something has interrupted it there.
    ///
    /// Errors: `EINVAL` if none of them is online, or if the worker was made for one CPU.
    pub fn set_cpus(&self, cpus: &Set, _task: &Task) -> Result {
        if self.home.is_some() {
            return Err(EINVAL);
        }
        // SAFETY: The task lives as long as the worker, and the set as long as the call; the token
        // proves that this may sleep.
        to_result(unsafe { bindings::set_cpus_allowed_ptr(self.task(), cpus.as_raw()) })
    }

    /// Waits until everything queued before has run.
    pub fn flush(&self, _task: &Task) {
        // SAFETY: Valid by the type invariant; the token proves that this may sleep.
        unsafe { bindings::kthread_flush_worker(self.raw.as_ptr()) };
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // SAFETY: Ours by the type invariant. Work holds its worker, so none is
        // left on it.
        unsafe { bindings::kthread_destroy_worker(self.raw.as_ptr()) };
    }
}

/// What a piece of work does.
pub trait Handler: Send + Sync + Sized + 'static {
    /// Runs in the worker's thread, which may sleep. The work dereferences to
    /// the handler, and may queue itself again.
    fn run(this: &Work<Self>, task: &Task);
}

/// Work for one worker, around its handler. Dropping it takes it off and waits
/// for it.
///
/// ```
/// # use irqlab::{context::Task, kthread::{Handler, Priority, Work, Worker}};
/// # use kernel::prelude::*;
/// struct Refill;
///
/// impl Handler for Refill {
///     fn run(_this: &Work<Self>, task: &Task) {
///         task.sleep_ms(1);
///     }
/// }
///
/// fn refill() -> Result<Pin<KBox<Work<Refill>>>> {
///     let worker = Worker::new(c"refill", Priority::Fifo)?;
///     let work = KBox::pin_init(Work::new(worker, Ok::<_, Error>(Refill)), GFP_KERNEL)?;
///     work.queue();
///     Ok(work)
/// }
/// ```
///
/// # Invariants
///
/// `raw` is set up with the callback for `T`, and lies in a `Work<T>`.
#[pin_data(PinnedDrop)]
pub struct Work<T: Handler> {
    #[pin]
    raw: Opaque<bindings::kthread_work>,
    // Set by `drop`, so that work that queues itself comes to an end.
    is_dying: Atomic<bool>,
    #[pin]
    handler: T,
    worker: Arc<Worker>,
}

// SAFETY: Any thread of execution may queue, cancel and drop the work; the handler is `Send`.
unsafe impl<T: Handler> Send for Work<T> {}
// SAFETY: For what can be done with shared work, queueing, cancelling and flushing, the C side takes
// the worker's lock; the flag is atomic, the worker and the handler are `Sync`.
unsafe impl<T: Handler> Sync for Work<T> {}

impl<T: Handler> Work<T> {
    /// An initialiser for work that `worker` does by `handler`.
    pub fn new(worker: Arc<Worker>, handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            is_dying: Atomic::new(false),
            worker,
            // INVARIANT: The callback recovers the work from this very field.
            raw <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes, and stays where it is.
                unsafe { bindings::kthread_work_init(slot, Some(Self::callback)) };
            }),
        })
    }

    /// Queues the work. Returns false, and changes nothing, if it is queued
    /// already. May be called in any context but NMI.
    #[inline]
    pub fn queue(&self) -> bool {
        if self.is_dying.load(Relaxed) {
            return false;
        }
        // SAFETY: Both are valid: `drop` takes the work off before they go.
        unsafe { bindings::kthread_queue_work(self.worker.raw.as_ptr(), self.raw.get()) }
    }

    /// Takes the work off and waits for it if it runs. Returns whether it was queued.
    pub fn cancel(&self, _task: &Task) -> bool {
        // SAFETY: `raw` is set up; the token proves that this may sleep.
        unsafe { bindings::kthread_cancel_work_sync(self.raw.get()) }
    }

    /// Waits until the work has run as often as it was queued before.
    pub fn flush(&self, _task: &Task) {
        // SAFETY: `raw` is set up; the token proves that this may sleep.
        unsafe { bindings::kthread_flush_work(self.raw.get()) };
    }

    /// # Safety
    ///
    /// For `kthread_work_init` with the `raw` of a `Work<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::kthread_work) {
        // SAFETY: By the type invariant `raw` lies in a `Work<T>`; `drop` waits
        // for this function before it goes.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) };
        // SAFETY: Workers are kernel threads, and call this with no lock held.
        let task = unsafe { Task::assume() };
        this.worker.go_home(task);
        T::run(this, task);
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
        self.is_dying.store(true, Relaxed);
        // Cancelling also keeps a handler that runs from queueing itself again.
        //
        // SAFETY: `raw` is set up. Dropping work is only correct where one may
        // sleep; the C side warns otherwise.
        unsafe { bindings::kthread_cancel_work_sync(self.raw.get()) };
    }
}
