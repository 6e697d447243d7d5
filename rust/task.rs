// SPDX-License-Identifier: GPL-2.0

//! Facts about the current task that the kernel crate does not tell.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use crate::{
    bindings,
    context::Task, //
};
use kernel::{
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
pub fn policy(_task: &Task) -> Policy {
    let current = kernel::task::Task::current_raw();
    // SAFETY: `current` is valid while it runs this. Another task may change
    // the fields at any time; each is one word.
    let (policy, priority) = unsafe {
        (
            (&raw const (*current).policy).read_volatile(),
            (&raw const (*current).rt_priority).read_volatile(),
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

/// Whether the current task has a user address space of its own.
pub fn has_user_memory(_task: &Task) -> bool {
    // SAFETY: The current task is alive while it runs this; a task's own `mm` changes only in exec and exit.
    unsafe { !(*kernel::task::Task::current_raw()).mm.is_null() }
}
