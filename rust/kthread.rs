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
    deferred::{
        self,
        warn_unless_may_wait,
        Deferred, //
    },
    error::EDEADLK,
    nmi,
    task::nr_cpus_allowed, //
};
use core::ptr::NonNull;
use kernel::{
    cpu::CpuId,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::CStr,
    sync::Arc, //
};

pub use crate::deferred::Handler;

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
    /// SCHED_FIFO at a priority of 1, the lowest, to 99.
    ///
    /// ```
    /// # use irqlab::kthread::{Priority, Worker};
    /// # use kernel::{prelude::*, sync::Arc};
    /// fn above_threaded_irqs() -> Result<Arc<Worker>> {
    ///     Worker::new(c"example", Priority::FifoAt(60))
    /// }
    ///
    /// assert!(above_threaded_irqs().is_ok());
    /// assert_eq!(Worker::new(c"example", Priority::FifoAt(100)).err(), Some(EINVAL));
    /// ```
    FifoAt(u8),
}

impl Worker {
    /// Starts a worker called `name`.
    ///
    /// Errors: `ENOMEM`, `EINVAL` if there is no such priority.
    pub fn new(name: &'static CStr, priority: Priority) -> Result<Arc<Self>> {
        // SAFETY: The name is a C string.
        let raw = unsafe { bindings::kthread_run_worker(name.as_char_ptr()) };
        // SAFETY: Just started, and nobody else's.
        unsafe { Self::from_raw(raw, None, priority) }
    }

    /// Starts a worker that runs on `cpu` only, called `name/<cpu>`.
    ///
    /// While the CPU is offline it runs elsewhere. Work that it begins after that, it does on `cpu`
    /// again. Errors: as [`Self::new`].
    ///
    /// ```
    /// # use irqlab::{cpu::CpuId, kthread::{Priority, Worker}};
    /// # use kernel::{prelude::*, sync::Arc};
    /// fn for_this_cpu() -> Result<Arc<Worker>> {
    ///     Worker::on(CpuId::current(), c"example", Priority::Fifo)
    /// }
    ///
    /// assert_eq!(for_this_cpu()?.flush(task), Ok(()));
    /// ```
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
            Priority::FifoAt(priority) => {
                // SAFETY: The task lives as long as the worker, which is destroyed later.
                to_result(unsafe { bindings::kthread_set_fifo(task, priority.into()) })?
            }
        }
        Ok(Arc::new(worker, GFP_KERNEL)?)
    }

    /// Its thread, which lives as long as the worker.
    fn task(&self) -> *mut bindings::task_struct {
        // SAFETY: The worker is ours by the type invariant, so that it is valid; its task was set
        // before it was started. The thread may store the same once more as it begins: so as a whole.
        unsafe { (&raw const (*self.raw.as_ptr()).task).read_volatile() }
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
    ///
    /// ```
    /// # use irqlab::{context::Task, cpu::Set, kthread::{Priority, Worker}};
    /// # use kernel::prelude::*;
    /// fn keep_on_cpu_0(worker: &Worker, task: &Task) -> Result {
    ///     worker.set_cpus(&Set::parse("0")?, task)
    /// }
    ///
    /// let worker = Worker::new(c"example", Priority::Normal)?;
    /// keep_on_cpu_0(&worker, task)?;
    /// assert_eq!(worker.set_cpus(&Set::new()?, task), Err(EINVAL));
    /// ```
    pub fn set_cpus(&self, cpus: &Set, _task: &Task) -> Result {
        if self.home.is_some() {
            return Err(EINVAL);
        }
        // SAFETY: The task lives as long as the worker, and the set as long as the call; the token
        // proves that this may sleep.
        to_result(unsafe { bindings::set_cpus_allowed_ptr(self.task(), cpus.as_raw()) })
    }

    /// Waits until everything queued before has run.
    ///
    /// Errors: `EDEADLK` in the worker's own thread.
    ///
    /// ```
    /// # use irqlab::{context::Task, kthread::{Priority, Worker}};
    /// # use kernel::prelude::*;
    /// fn start_and_end(task: &Task) -> Result {
    ///     let worker = Worker::new(c"example", Priority::Normal)?;
    ///     worker.flush(task)
    /// }
    ///
    /// assert_eq!(start_and_end(task), Ok(()));
    /// ```
    pub fn flush(&self, _task: &Task) -> Result {
        if self.is_caller() {
            return Err(EDEADLK);
        }
        // SAFETY: Valid by the type invariant; the token proves that this may sleep, and it is not the
        // worker's thread, for which it would wait.
        unsafe { bindings::kthread_flush_worker(self.raw.as_ptr()) };
        Ok(())
    }

    /// Whether this is the worker's thread.
    fn is_caller(&self) -> bool {
        core::ptr::eq(self.task(), kernel::current!().as_ptr())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        warn_unless_may_wait(self.is_caller());
        // SAFETY: Ours by the type invariant. Work holds its worker, so none is
        // left on it.
        unsafe { bindings::kthread_destroy_worker(self.raw.as_ptr()) };
    }
}

/// Work for one worker, around its handler.
///
/// ```
/// # use irqlab::{context::Task, kthread::{Handler, Kind, Priority, Work, Worker}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// struct Refill(Atomic<u32>);
///
/// impl Handler<Kind> for Refill {
///     fn run(this: &Work<Self>, task: &Task) {
///         task.sleep_ms(1);
///         this.0.add(1, Relaxed);
///     }
/// }
///
/// let worker = Worker::new(c"refill", Priority::Fifo)?;
/// let refill = Ok::<_, Error>(Refill(Atomic::new(0)));
/// let work = KBox::pin_init(Work::new(worker, refill), GFP_KERNEL)?;
/// work.queue();
/// work.flush(task)?;
/// assert_eq!(work.0.load(Relaxed), 1);
/// ```
pub type Work<T> = Deferred<Kind, T>;

/// The kind of deferral that work for a worker is.
pub enum Kind {}

// SAFETY: The C side takes the worker's lock in all that is done with work. `kthread_cancel_work_sync()`
// waits for the handler, and refuses to queue the work meanwhile; there is nobody else who could.
unsafe impl deferred::Kind for Kind {
    type Raw = bindings::kthread_work;
    type Own = Arc<Worker>;
    type Context = Task;

    unsafe fn stop<T>(this: &Work<T>) {
        // SAFETY: It is set up, and the caller may sleep by this function's contract.
        unsafe { bindings::kthread_cancel_work_sync(this.raw()) };
    }

    fn is_caller<T>(this: &Work<T>) -> bool {
        // SAFETY: The worker is valid by its type invariant; its own thread, which this is, sets the
        // field.
        let current = || unsafe { (*this.own().raw.as_ptr()).current_work };
        this.own().is_caller() && core::ptr::eq(current(), this.raw())
    }
}

// SAFETY: C's function asks for no more, and locks for itself.
unsafe impl deferred::Cancel for Kind {
    type Was = bool;
    const CANCEL: unsafe extern "C" fn(*mut Self::Raw) -> bool = bindings::kthread_cancel_work_sync;
}

// SAFETY: C's function asks for no more, and locks for itself.
unsafe impl deferred::Flush for Kind {
    type Told = ();
    const FLUSH: unsafe extern "C" fn(*mut Self::Raw) = bindings::kthread_flush_work;

    fn waits_for_caller<T>(this: &Work<T>) -> bool {
        this.own().is_caller()
    }
}

impl<T: Handler<Kind>> Work<T> {
    /// An initialiser for work that `worker` does by `handler`.
    pub fn new(worker: Arc<Worker>, handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        // SAFETY: The callback is for this type; the place is as `kthread_work_init()` wants it.
        unsafe {
            Self::with(worker, handler, |raw| {
                bindings::kthread_work_init(raw, Some(Self::callback))
            })
        }
    }

    /// Queues the work. Returns whether it was idle. May be called in any context but an NMI, where it is
    /// refused.
    #[inline]
    pub fn queue(&self) -> bool {
        if nmi::is_refused() {
            return false;
        }
        // SAFETY: Both are valid: the work is taken off before they go.
        unsafe { bindings::kthread_queue_work(self.own().raw.as_ptr(), self.raw()) }
    }

    /// # Safety
    ///
    /// For `kthread_work_init()` with the `raw` of a `Work<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::kthread_work) {
        // SAFETY: By this function's contract. Workers are kernel threads, and call this with no lock
        // held.
        let (this, task) = unsafe { (Self::from_raw(raw), Task::assume()) };
        this.own().go_home(task);
        T::run(this, task);
    }
}
