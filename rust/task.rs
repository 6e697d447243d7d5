// SPDX-License-Identifier: GPL-2.0

//! Facts about the current task that the kernel crate does not tell.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use crate::{
    bindings,
    context::Task,
    cpu, //
};
use kernel::{
    error::to_result,
    fmt,
    prelude::*, //
};

/// How the scheduler treats a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// SCHED_OTHER, SCHED_BATCH or SCHED_IDLE.
    Fair,
    /// SCHED_FIFO, with its real-time priority of 1 to 99.
    Fifo(u8),
    /// SCHED_RR, with its real-time priority of 1 to 99.
    RoundRobin(u8),
    /// Any other, by its number.
    Other(u8),
}

impl Policy {
    /// The policy in one word, for atomics: the number, and the priority above it.
    pub const fn into_raw(self) -> u64 {
        match self {
            Policy::Fair => bindings::SCHED_NORMAL as u64,
            Policy::Fifo(priority) => bindings::SCHED_FIFO as u64 | (priority as u64) << 8,
            Policy::RoundRobin(priority) => bindings::SCHED_RR as u64 | (priority as u64) << 8,
            Policy::Other(policy) => policy as u64,
        }
    }

    /// The inverse of [`Self::into_raw`].
    pub const fn from_raw(raw: u64) -> Self {
        let priority = (raw >> 8) as u8;
        match (raw & 0xff) as u32 {
            bindings::SCHED_NORMAL | bindings::SCHED_BATCH | bindings::SCHED_IDLE => Policy::Fair,
            bindings::SCHED_FIFO => Policy::Fifo(priority),
            bindings::SCHED_RR => Policy::RoundRobin(priority),
            other => Policy::Other(other as u8),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Policy::Fair => f.pad("SCHED_OTHER"),
            Policy::Fifo(priority) => f.write_fmt(fmt!("SCHED_FIFO {priority}")),
            Policy::RoundRobin(priority) => f.write_fmt(fmt!("SCHED_RR {priority}")),
            Policy::Other(policy) => f.write_fmt(fmt!("policy {policy}")),
        }
    }
}

/// The current task's policy.
///
/// ```
/// # use irqlab::{context::Task, task::{self, Policy}};
/// fn is_real_time(task: &Task) -> bool {
///     // As an atomic would keep it.
///     let word = task::policy(task).into_raw();
///     matches!(Policy::from_raw(word), Policy::Fifo(_) | Policy::RoundRobin(_))
/// }
///
/// assert!(is_real_time(task) == matches!(task::policy(task), Policy::Fifo(_) | Policy::RoundRobin(_)));
/// ```
pub fn policy(_task: &Task) -> Policy {
    // SAFETY: `current` is valid while it runs this.
    unsafe { policy_of(kernel::task::Task::current_raw()) }
}

/// The policy of a task.
///
/// # Safety
///
/// `task` must be valid.
pub(crate) unsafe fn policy_of(task: *const bindings::task_struct) -> Policy {
    // SAFETY: By this function's contract. Another task may change the fields at any time; each is
    // one word.
    let (policy, priority) = unsafe {
        (
            (&raw const (*task).policy).read_volatile(),
            (&raw const (*task).rt_priority).read_volatile(),
        )
    };
    Policy::from_raw(u64::from(policy & 0xff) | u64::from(priority & 0xff) << 8)
}

/// How often the current task has given up the CPU, or lost it to another task.
pub fn nr_switches(_task: &Task) -> usize {
    let current = kernel::task::Task::current_raw();
    // SAFETY: `current` is valid while it runs this, and only its own switches change the
    // fields, each of which is one word.
    unsafe {
        let voluntary = (&raw const (*current).nvcsw).read_volatile();
        let involuntary = (&raw const (*current).nivcsw).read_volatile();
        voluntary.wrapping_add(involuntary)
    }
}

/// How often the current task has given up the CPU by itself.
pub fn nr_voluntary_switches(_task: &Task) -> usize {
    let current = kernel::task::Task::current_raw();
    // SAFETY: `current` is valid while it runs this, and only its own switches change the field.
    unsafe { (&raw const (*current).nvcsw).read_volatile() }
}

/// The CPU time that the kernel has charged the current task with, in nanoseconds, as of now.
///
/// ```
/// # use irqlab::{context::Task, task};
/// # use kernel::prelude::*;
/// fn cost(f: impl FnOnce(), task: &Task) {
///     let (ns, switches) = (task::charged_ns(task), task::nr_switches(task));
///     let by_itself = task::nr_voluntary_switches(task);
///     f();
///     pr_info!("{} ns of CPU time\n", task::charged_ns(task).wrapping_sub(ns));
///     pr_info!("switched {} times\n", task::nr_switches(task).wrapping_sub(switches));
///     let by_itself = task::nr_voluntary_switches(task).wrapping_sub(by_itself);
///     pr_info!("{by_itself} of them by itself\n");
/// }
///
/// cost(|| task.sleep_ms(1), task);
/// assert!(task::nr_switches(task) >= task::nr_voluntary_switches(task));
/// # let before_ns = task::charged_ns(task);
/// # {
/// #     let _guard = irqlab::interrupt::local_interrupt_disable();
/// #     irqlab::clock::spin_ns(2_000_000);
/// # }
/// # let charged_ns = task::charged_ns(task).wrapping_sub(before_ns);
/// # assert!(!irqlab::clock::is_steady() || charged_ns >= 2_000_000);
/// # let by_itself = task::nr_voluntary_switches(task);
/// # eventually!(task, task::nr_voluntary_switches(task) > by_itself);
/// # assert!(task::nr_voluntary_switches(task) > by_itself);
/// ```
pub fn charged_ns(task: &Task) -> u64 {
    // The kernel charges a task when it gives up the CPU; a sleep may be over before it comes to that. The last
    // one lasts for 16 ms, and is not.
    let nr_before = nr_voluntary_switches(task);
    for us in (0..15).map(|nth| 1 << nth) {
        task.sleep_us(us, 1);
        if nr_voluntary_switches(task) != nr_before {
            break;
        }
    }
    let current = kernel::task::Task::current_raw();
    // SAFETY: `current` is valid while it runs this; the field is one word, which this CPU alone
    // writes meanwhile.
    unsafe { (&raw const (*current).se.sum_exec_runtime).read_volatile() }
}

/// While it lives, the current task runs on one CPU only. Dropping it has the task run where it might
/// before.
pub struct OnCpu<'a> {
    before: cpu::Set,
    _task: &'a Task,
}

impl<'a> OnCpu<'a> {
    /// Moves the current task to `cpu`.
    ///
    /// Errors: `ENXIO` if that is offline, `EINVAL` if the task may not move, `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::{context::Task, cpu::CpuId, task::OnCpu};
    /// # use kernel::prelude::*;
    /// fn go_there(cpu: CpuId, task: &Task) -> Result<bool> {
    ///     let _there = OnCpu::new(cpu, task)?;
    ///     Ok(CpuId::current() == cpu)
    /// }
    ///
    /// # let _guard = irqlab::cpu::HotplugExcluded::new(task);
    /// for cpu in irqlab::cpu::online() {
    ///     assert!(go_there(cpu, task)?);
    /// }
    /// ```
    pub fn new(cpu: cpu::CpuId, task: &'a Task) -> Result<Self> {
        if !cpu::is_online(cpu) {
            return Err(ENXIO);
        }
        let before = cpu::Set::new()?;
        // SAFETY: The mask is ours, and nobody else uses it yet.
        unsafe { bindings::get_cpus_allowed(before.as_raw()) };
        set_cpus_allowed(&cpu::Set::of([cpu])?)?;
        Ok(Self {
            before,
            _task: task,
        })
    }
}

impl Drop for OnCpu<'_> {
    fn drop(&mut self) {
        // If all of them have gone offline the task stays where it is.
        let _ = set_cpus_allowed(&self.before);
    }
}

/// May sleep: the callers have a token.
fn set_cpus_allowed(cpus: &cpu::Set) -> Result {
    let current = kernel::task::Task::current_raw();
    // SAFETY: `current` is valid while it runs this; the mask is only read.
    to_result(unsafe { bindings::set_cpus_allowed_ptr(current, cpus.as_raw()) })
}

/// How many CPUs the current task may run on. In interrupt context, the
/// interrupted task.
pub fn nr_cpus_allowed() -> u32 {
    // SAFETY: Reads one word of the current task.
    unsafe { bindings::nr_cpus_allowed() }.unsigned_abs()
}

/// How many kernel threads there are with `part` in their names, of which the kernel keeps the first
/// 15 characters.
pub fn nr_kernel_threads(part: &CStr, _task: &Task) -> usize {
    // SAFETY: The string ends in NUL. Walks the list of tasks under RCU; may be called anywhere.
    unsafe { bindings::nr_kernel_threads(part.as_char_ptr()) }
}

/// Whether the current task locks all that it maps (`mlockall(MCL_FUTURE)`): its pages are there at once,
/// not when they are touched first.
pub fn locks_memory(_task: &Task) -> bool {
    // SAFETY: Reads one word of the current task's address space, which it keeps.
    unsafe { bindings::locks_memory() }
}

/// How many threads the current task's process has.
pub fn nr_threads(_task: &Task) -> u32 {
    // SAFETY: Reads one word of the current task's process.
    unsafe { bindings::nr_threads() }.unsigned_abs()
}

/// Whether the current task has a user address space of its own.
///
/// ```
/// # use irqlab::{context::Task, task};
/// # use kernel::prelude::*;
/// fn show(task: &Task) {
///     if task::has_user_memory(task) {
///         let (threads, locks) = (task::nr_threads(task), task::locks_memory(task));
///         pr_info!("a process of {threads} threads, all locked: {locks}\n");
///     }
///     pr_info!("may run on {} CPUs\n", task::nr_cpus_allowed());
///     pr_info!("{} threads serve soft IRQs\n", task::nr_kernel_threads(c"ksoftirqd", task));
/// }
///
/// show(task);
/// assert!(task::has_user_memory(task) && task::nr_threads(task) >= 1);
/// # // One for each CPU that was ever online.
/// # assert!(task::nr_kernel_threads(c"ksoftirqd", task) >= irqlab::cpu::online().count());
/// ```
pub fn has_user_memory(_task: &Task) -> bool {
    // SAFETY: The current task is alive while it runs this; a task's own `mm` changes only in exec and exit.
    unsafe { !(*kernel::task::Task::current_raw()).mm.is_null() }
}
