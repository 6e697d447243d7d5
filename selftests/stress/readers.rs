// SPDX-License-Identifier: GPL-2.0

//! Whoever takes something away waits for those who are still using it.
//!
//! One CPU uses it, and stays there until it hears that it was taken away, or for a while. Meanwhile another
//! CPU takes it away. The first one must have left when that is done, and so never hears of it.

use irqlab::{
    clock,
    context::{
        HardIrq,
        IrqsOff,
        SoftIrq,
        Task,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId, //
    },
    irq::{
        Handler,
        IrqReturn,
        Sharing, //
    },
    irq_chip::{
        Domain,
        Flow,
        Transparent, //
    },
    rcu::Slot,
    smp::{
        self,
        Csd, //
    },
    softirq::Vector,
    tasklet::{
        self,
        Tasklet, //
    },
    tracepoint::{
        Attached,
        Observer,
        SoftirqEntry, //
    },
    workqueue::Queue,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

/// How long a visitor stays, if it hears nothing. To detach an observer the kernel patches code, which takes time.
const STAY_NS: u64 = 100_000_000;

/// How long it may take to come.
const PATIENCE_NS: u64 = 10_000_000_000;

/// So many times the one is to be there when the other begins, and so often is it tried.
const MEETINGS: u32 = 2;
const TRIES: u32 = 30;

const NOBODY: u32 = 0;
const INSIDE: u32 = 1;
const LEFT: u32 = 2;

/// One stay at what is taken away.
struct Visit {
    state: Atomic<u32>,
    is_taken: Atomic<bool>,
    was_too_soon: Atomic<bool>,
}

impl Visit {
    fn new() -> Result<Arc<Self>> {
        let visit = Self {
            state: Atomic::new(NOBODY),
            is_taken: Atomic::new(false),
            was_too_soon: Atomic::new(false),
        };
        Ok(Arc::new(visit, GFP_KERNEL)?)
    }

    /// Only the first to come stays.
    fn stay(&self) {
        if self.state.cmpxchg(NOBODY, INSIDE, Full).is_ok() {
            let was_too_soon = clock::spin_until(STAY_NS, || self.is_taken.load(Acquire));
            self.was_too_soon.store(was_too_soon, Relaxed);
            self.state.store(LEFT, Release);
        }
    }

    /// Waits until somebody has come; returns whether they are still there.
    fn is_met(&self, task: &Task) -> bool {
        clock::spin_until(PATIENCE_NS, || {
            task.yield_if_needed();
            self.state.load(Acquire) != NOBODY
        });
        self.state.load(Acquire) == INSIDE
    }
}

/// Calls `report` for each test, if there are two CPUs.
pub(crate) fn try_all(
    workers: &Queue<Task>,
    task: &Task,
    mut report: impl FnMut(&str, bool),
) -> Result {
    if cpu::online().count() < 2 {
        return Ok(());
    }
    report("disabled line", meet(disable, workers, task)?);
    report("detached observer", meet(detach, workers, task)?);
    report("replaced object", meet(replace, workers, task)?);
    Ok(())
}

/// Whether nobody was there any more when it had been taken away, of a few times that the two have met.
fn meet(
    once: impl Fn(&Arc<Visit>, &Queue<Task>, &Task) -> Result<bool>,
    workers: &Queue<Task>,
    task: &Task,
) -> Result<bool> {
    let mut meetings = 0;
    for _ in 0..TRIES {
        let visit = Visit::new()?;
        meetings += u32::from(once(&visit, workers, task)?);
        if visit.was_too_soon.load(Relaxed) {
            return Ok(false);
        }
        if meetings == MEETINGS {
            break;
        }
    }
    Ok(meetings > 0)
}

/// Has one CPU `come` and another `take` it away. Returns whether the one was still there when the other began.
fn on_two_cpus(
    visit: &Visit,
    workers: &Queue<Task>,
    task: &Task,
    come: impl Fn() + Sync,
    take: impl Fn(&Task) + Sync,
) -> Result<bool> {
    let has_met = Atomic::new(false);
    let visitor = cpu::online().next();
    cpu::run_on(workers, cpu::online().take(2), task, |here| {
        if visitor == Some(here.cpu) {
            come();
            return;
        }
        has_met.store(visit.is_met(here.task), Relaxed);
        take(here.task);
        visit.is_taken.store(true, Release);
    })?;
    Ok(has_met.load(Relaxed))
}

/// Stays wherever it is called.
struct Visitor(Arc<Visit>);

impl Handler for Visitor {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        self.0.stay();
        IrqReturn::Handled
    }
}

fn disable(visit: &Arc<Visit>, workers: &Queue<Task>, task: &Task) -> Result<bool> {
    let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    let registration = line.line().request(
        Sharing::Exclusive,
        c"irqlab_stress",
        Ok(Visitor(visit.clone())),
    )?;
    let disabled = new_mutex!(None, "disabled");
    let disabled = KBox::pin_init(disabled, GFP_KERNEL)?;
    on_two_cpus(
        visit,
        workers,
        task,
        || {
            let _ = line.send();
        },
        |task| *disabled.lock() = registration.disable(task).ok(),
    )
}

impl Observer<SoftirqEntry> for Visitor {
    fn observe(&self, event: &SoftirqEntry, _context: &Unsleeping) {
        if event.vector == Vector::Hi {
            self.0.stay();
        }
    }
}

/// Its soft IRQ is the event.
struct Nobody;

impl tasklet::Handler<tasklet::Kind> for Nobody {
    fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {}
}

/// Raises the soft IRQ where it is called.
struct Cause(Pin<KBox<Tasklet<Nobody>>>);

impl smp::Handler<smp::Kind> for Cause {
    fn run(this: &Csd<Self>, _off: &IrqsOff) {
        this.0.schedule_hi();
    }
}

/// Here the task itself takes it away, and calls the other CPU before: to detach an observer the kernel holds
/// CPUs online, and a job on a CPU must not.
fn detach(visit: &Arc<Visit>, _workers: &Queue<Task>, task: &Task) -> Result<bool> {
    let tasklet = KBox::pin_init(Tasklet::new(Ok(Nobody)), GFP_KERNEL)?;
    let cause = KBox::pin_init(Csd::new(Ok(Cause(tasklet))), GFP_KERNEL)?;
    let mut attached = Attached::new(Arc::new(Visitor(visit.clone()), GFP_KERNEL)?);
    attached.to::<SoftirqEntry>()?;
    let Some(other) = cpu::next_online(CpuId::current()) else {
        return Ok(false);
    };
    // Offline by now: they do not meet.
    let _ = cause.call_on(other);
    let has_met = visit.is_met(task);
    drop(attached);
    visit.is_taken.store(true, Release);
    Ok(has_met)
}

fn replace(visit: &Arc<Visit>, workers: &Queue<Task>, task: &Task) -> Result<bool> {
    let slot = Slot::new();
    slot.replace(Some(Arc::new(Visitor(visit.clone()), GFP_KERNEL)?), task);
    on_two_cpus(
        visit,
        workers,
        task,
        || {
            slot.read(|visitor, _unsleeping| visitor.0.stay());
        },
        |task| {
            slot.replace(None, task);
        },
    )
}
