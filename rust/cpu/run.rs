// SPDX-License-Identifier: GPL-2.0

//! Which CPUs are online, and a function run on several at the same time.
//!
//! C header: [`include/linux/cpu.h`](srctree/include/linux/cpu.h)

use super::HotplugExcluded;
use crate::{
    bindings, clock,
    completion::{
        Completion,
        Waited, //
    },
    context::Task,
    new_work,
    scoped::{
        Borrowed,
        Told, //
    },
    workqueue::{
        Handler,
        Kind,
        Queue,
        Work, //
    },
};
use kernel::{
    cpu::CpuId,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    }, //
};

/// The CPUs that are online as the iterator passes them.
pub fn online() -> impl Iterator<Item = CpuId> + Clone {
    let mut last = -1;
    core::iter::from_fn(move || {
        // SAFETY: -1 and every CPU's number are permitted.
        let next = unsafe { bindings::cpumask_next_online(last) };
        last = i32::try_from(next).ok()?;
        CpuId::from_u32(next)
    })
}

/// The next CPU after `cpu` that is online, or the first one after the last; which is itself
/// if there is no other.
///
/// ```
/// # use irqlab::{context::Task, cpu::{self, CpuId}, smp};
/// # use kernel::prelude::*;
/// fn disturb_the_next(task: &Task) -> Result {
///     let next = cpu::next_online(CpuId::current()).ok_or(ENXIO)?;
///     smp::call_on(next, task, |_off| ())
/// }
///
/// disturb_the_next(task)?;
/// # // From the last one on, it is the first one.
/// # let _guard = cpu::HotplugExcluded::new(task);
/// # let (first, last) = (cpu::online().next(), cpu::online().last().ok_or(ENXIO)?);
/// # assert!(cpu::next_online(last) == first);
/// ```
pub fn next_online(cpu: CpuId) -> Option<CpuId> {
    online()
        .find(|other| other.as_u32() > cpu.as_u32())
        .or_else(|| online().next())
}

/// Whether `cpu` is online now.
pub fn is_online(cpu: CpuId) -> bool {
    online().any(|other| other == cpu)
}

/// What the function run on a CPU is told.
pub struct Here<'a> {
    /// The CPU that it runs on.
    pub cpu: CpuId,
    /// That it may sleep.
    pub task: &'a Task,
    shared: &'a Shared,
}

impl Told for Here<'_> {
    type For<'a> = Here<'a>;
}

impl Here<'_> {
    /// Whether the caller was interrupted by a signal, so that this should end.
    ///
    /// ```
    /// # use irqlab::cpu::{self, Here};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// /// Counts to ten, unless who waits for it is told to end.
    /// fn count(here: &Here<'_>, count: &Atomic<u32>) {
    ///     while !here.is_stopped() && count.fetch_add(1, Relaxed) < 9 {
    ///         here.task.sleep_ms(1);
    ///     }
    /// }
    ///
    /// # let queue = irqlab::workqueue::Queue::per_cpu(c"example")?;
    /// let counted = Atomic::new(0u32);
    /// cpu::run_on(&queue, cpu::online().take(1), task, |here| count(here, &counted))?;
    /// assert_eq!(counted.load(Relaxed), 10);
    /// ```
    pub fn is_stopped(&self) -> bool {
        self.shared.is_stopped.load(Relaxed)
    }

    /// That no CPU goes offline or comes online before the function returns. Asking for
    /// another guard there could wait for ever.
    ///
    /// ```
    /// # use irqlab::{cpu::{CpuId, Here}, smp};
    /// # use kernel::prelude::*;
    /// fn from_here(there: CpuId, here: &Here<'_>) -> Result<CpuId> {
    ///     smp::call_in_task_while(here.hotplug_excluded(), there, here.task, |_task| CpuId::current())
    /// }
    ///
    /// # use kernel::sync::atomic::{Atomic, Relaxed};
    /// # let queue = irqlab::workqueue::Queue::per_cpu(c"example")?;
    /// # let nr_right = Atomic::new(0usize);
    /// // From each CPU to CPU 0.
    /// # let zero = CpuId::from_u32(0).ok_or(ENXIO)?;
    /// let nr_cpus = irqlab::cpu::run_on(&queue, irqlab::cpu::online(), task, |here| {
    ///     if from_here(zero, here) == Ok(zero) {
    ///         nr_right.add(1, Relaxed);
    ///     }
    /// })?;
    /// assert_eq!(nr_right.load(Relaxed), nr_cpus);
    /// ```
    pub fn hotplug_excluded(&self) -> &HotplugExcluded {
        // SAFETY: `run_on` holds one until all have returned, and this lives no longer;
        // `run_bound` gives nobody a reference to this.
        unsafe { HotplugExcluded::assume() }
    }
}

/// Runs `f` on each of `cpus` that is online, in a kernel thread each, starting
/// together as well as the machine allows. Returns when all have finished: how
/// many there were.
///
/// `queue` must be per CPU. No CPU goes offline meanwhile, so that nobody may hold a lock
/// that `f` takes and then ask for hotplug to be excluded, as who attaches to a tracepoint
/// does, too: lockdep knows. A signal for the caller does not end the wait: it is for `f`
/// to see [`Here::is_stopped`] and end early.
///
/// Errors: `ENOMEM`, before anything runs.
///
/// ```
/// # use irqlab::{context::Task, cpu, workqueue::Queue};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// fn count_cpus(queue: &Queue<Task>, task: &Task) -> Result<u32> {
///     let count = Atomic::new(0u32);
///     cpu::run_on(queue, cpu::online(), task, |_here| count.add(1, Relaxed))?;
///     Ok(count.load(Relaxed))
/// }
///
/// let queue = Queue::per_cpu(c"example")?;
/// assert!(count_cpus(&queue, task)? >= 1);
/// # let count = Atomic::new(0usize);
/// # let nr_cpus = cpu::run_on(&queue, cpu::online(), task, |_here| count.add(1, Relaxed))?;
/// # assert_eq!(count.load(Relaxed), nr_cpus);
/// ```
pub fn run_on<F: Fn(&Here<'_>) + Sync>(
    queue: &Queue<Task>,
    cpus: impl Iterator<Item = CpuId>,
    task: &Task,
    f: F,
) -> Result<usize> {
    let _hotplug = HotplugExcluded::new(task);
    run_jobs(queue, cpus, task, f)
}

/// As [`run_on`], while CPUs come and go: a function whose CPU goes offline ends on another.
pub(super) fn run_jobs<F: Fn(&Here<'_>) + Sync>(
    queue: &Queue<Task>,
    cpus: impl Iterator<Item = CpuId>,
    task: &Task,
    f: F,
) -> Result<usize> {
    let shared = Arc::pin_init(Shared::new(), GFP_KERNEL)?;
    let mut jobs = KVec::new();
    for cpu in cpus.filter(|cpu| is_online(*cpu)) {
        let job = Job {
            shared: shared.clone(),
            cpu,
            f: Borrowed::<Here<'static>>::new(&f),
        };
        jobs.push(into_work(job)?, GFP_KERNEL)?;
    }
    shared.missing.store(jobs.len(), Relaxed);
    for job in &jobs {
        job.queue_on(queue, job.cpu);
    }
    for _ in &jobs {
        if shared.finished.wait_ms(task, u32::MAX) == Waited::Interrupted {
            shared.is_stopped.store(true, Relaxed);
            break;
        }
    }
    for job in &jobs {
        // `f` and what it borrows must outlive every call. The jobs are this function's, and what it waits
        // in is none of them.
        job.flush(task)?;
    }
    Ok(jobs.len())
}

/// Makes work of a job. Not in a generic function: each crate that has a copy of it would
/// give the same lock class another name.
#[inline(never)]
fn into_work(job: Job) -> Result<Pin<KBox<Work<Job>>>> {
    KBox::pin_init(new_work!(Ok::<_, Error>(job)), GFP_KERNEL)
}

/// What the jobs of one call share.
#[pin_data]
struct Shared {
    /// How many jobs have yet to arrive at the start.
    missing: Atomic<usize>,
    is_stopped: Atomic<bool>,
    #[pin]
    finished: Completion,
}

impl Shared {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            missing: Atomic::new(0),
            is_stopped: Atomic::new(false),
            finished <- Completion::new(),
        })
    }

    /// Waits for the others, but not for long: a CPU may be busy.
    fn start_together(&self) {
        const PATIENCE_NS: u64 = 2_000_000;

        self.missing.fetch_sub(1, Full);
        clock::spin_until(PATIENCE_NS, || self.missing.load(Acquire) == 0);
    }
}

struct Job {
    shared: Arc<Shared>,
    cpu: CpuId,
    f: Borrowed<Here<'static>>,
}

impl Handler<Kind> for Job {
    fn run(this: &Work<Self>, task: &Task) {
        this.shared.start_together();
        let here = Here {
            cpu: this.cpu,
            task,
            shared: &this.shared,
        };
        // SAFETY: `run_jobs` has made it from a closure that it keeps where it is until it has
        // flushed this work.
        unsafe { this.f.call(&here) };
        this.shared.finished.complete();
    }
}
