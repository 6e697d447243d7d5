// SPDX-License-Identifier: GPL-2.0

//! Contention: a bottom half that wants a lock which a task of lower priority holds.
//!
//! ```text
//!     ordinary task that raises: takes the lock ─ raises ─┐               ┌─ goes on ─ gives it back
//!     bottom half, in a thread:                           └─ wants it ─┐  │             └─ has it
//!     a task of SCHED_FIFO 10:                              woken ─┘   └──┤ runs for 2 ms
//! ```
//!
//! Without inheritance of priorities the bottom half waits for the task in the middle, which has nothing to do with
//! the lock: priority inversion. With it the ordinary task runs first, if the bottom half is more urgent than the task
//! in the middle.

use super::victims::{
    Latencies,
    Victim, //
};
use irqlab::{
    clock,
    context::Task,
    cpu::CpuId,
    kthread::{
        self,
        Priority,
        Work,
        Worker, //
    },
    new_rt_mutex,
    rt_mutex::RtMutex, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

/// For how long the task that raises holds the lock.
const HOLD_NS: u64 = 500_000;
/// For how long the task in the middle runs.
const MIDDLE_NS: u64 = 2_000_000;
const MIDDLE_PRIORITY: u8 = 10;

/// Which lock it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inheritance {
    Without,
    With,
}

enum Lock {
    Plain(Pin<KBox<Mutex<()>>>),
    Inheriting(RtMutex),
}

/// A lock, and who has to do with it.
pub(crate) struct Contention {
    lock: Lock,
    middle: Pin<KBox<Work<Middle>>>,
    latencies: Arc<Latencies>,
}

/// The task in the middle.
struct Middle;

impl kthread::Handler<kthread::Kind> for Middle {
    fn run(_this: &Work<Self>, _task: &Task) {
        clock::spin_ns(MIDDLE_NS);
    }
}

impl Contention {
    pub(super) fn new(
        cpu: CpuId,
        inheritance: Inheritance,
        latencies: Arc<Latencies>,
    ) -> Result<Arc<Self>> {
        let worker = Worker::on(cpu, c"irqlab_mid", Priority::FifoAt(MIDDLE_PRIORITY))?;
        let contention = Self {
            lock: match inheritance {
                Inheritance::Without => Lock::Plain(KBox::pin_init(
                    new_mutex!((), "Contention::lock"),
                    GFP_KERNEL,
                )?),
                Inheritance::With => Lock::Inheriting(new_rt_mutex!()?),
            },
            middle: KBox::pin_init(Work::new(worker, Ok(Middle)), GFP_KERNEL)?,
            latencies,
        };
        Ok(Arc::new(contention, GFP_KERNEL)?)
    }

    /// Runs `f` with the lock.
    fn with<R>(&self, task: &Task, f: impl FnOnce() -> R) -> R {
        match &self.lock {
            Lock::Plain(lock) => {
                let _guard = lock.lock();
                f()
            }
            Lock::Inheriting(lock) => lock.with(task, f),
        }
    }

    /// Raises an interrupt with the lock held, and for some time longer.
    pub(super) fn raise<R>(&self, task: &Task, raise: impl FnOnce() -> R) -> R {
        self.with(task, || {
            let raised = raise();
            clock::spin_ns(HOLD_NS);
            raised
        })
    }

    /// Has the bottom half do its work with the lock held.
    pub(crate) fn work(&self, task: &Task, work: impl FnOnce()) {
        self.middle.queue();
        let since_ns = clock::now_ns();
        self.with(task, || {
            let waited_ns = clock::elapsed_ns(since_ns, clock::now_ns());
            self.latencies
                .of(Victim::Lock)
                .count(waited_ns.unwrap_or(0));
            work();
        });
    }
}
