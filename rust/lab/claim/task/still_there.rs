// SPDX-License-Identifier: GPL-2.0

//! What takes the place of tasklets runs in threads.
//!
//! That they are deprecated, in favour of threaded IRQs, is the word of the kernel's documentation, which no
//! experiment can observe. They are still there, and what was made to take their place are not threads but BH
//! work queues: the same soft IRQ runs their work, before the tasklets. In the control the work is on a queue
//! with threads.

use crate::claim::{
    log::{
        Log,
        What, //
    },
    prelude::*,
    together::together, //
};
use irqlab::{
    clock,
    context::{
        Context,
        Snapshot,
        SoftIrq,
        Task, //
    },
    new_work,
    softirq::Vector,
    tasklet::{
        self,
        Tasklet, //
    },
    workqueue::{
        self,
        Queue,
        Work, //
    },
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Relaxed,
    Release, //
};

claim! {
    quote: "In the latest version of the kernel the Tasklets API is deprecated in favour of Threaded IRQs. The Tasklet API (but also the SoftIRQ) will be removed",
    section: "Tasklets",
    today: "their removal was first proposed in 2007, and the kernel's header has called them deprecated since 2020, and names threaded IRQs; they are still there, and since Linux 6.9 BH work queues are to take their place",
    functions: "tasklet_action(), workqueue_softirq_action(); include/linux/interrupt.h",
    control: "the work is on a queue with threads",
    next: "echo line=sim0 mechanisms=tasklet,bh_wq,threaded > bench; cat bench",
}

/// When it ran, or 0, and in whose place; the handler of a tasklet, or of work in a context `C`.
struct Runner<C> {
    stamp_ns: Atomic<u64>,
    pid: Atomic<i32>,
    is_in_softirq: Atomic<bool>,
    _context: core::marker::PhantomData<fn(&C)>,
}

impl<C> Runner<C> {
    fn new() -> Self {
        Self {
            stamp_ns: Atomic::new(0),
            pid: Atomic::new(-1),
            is_in_softirq: Atomic::new(false),
            _context: core::marker::PhantomData,
        }
    }

    fn run(&self) {
        let here = Snapshot::take();
        self.pid.store(here.pid, Relaxed);
        self.is_in_softirq.store(here.is_serving_softirq(), Relaxed);
        self.stamp_ns.store(clock::now_ns(), Release);
    }
}

impl tasklet::Handler<tasklet::Kind> for Runner<SoftIrq> {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        (**this).run();
    }
}

impl<C: Context + 'static> workqueue::Handler<workqueue::Kind<C>> for Runner<C> {
    fn run(this: &Work<Self, C>, _context: &C) {
        (**this).run();
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if trial.is_control() {
        race::<Task>(trial, evidence, &Queue::per_cpu(c"irqlab_task_08")?)
    } else {
        race::<SoftIrq>(trial, evidence, &Queue::bh(c"irqlab_task_08")?)
    }
}

/// Schedules a tasklet, then work on `queue`, before one of them can run, and sees what runs when
/// and where.
fn race<C: Context + 'static>(
    trial: &Trial<'_>,
    evidence: &mut Evidence,
    queue: &Queue<C>,
) -> Answer<Verdict> {
    let tasklet = Tasklet::new(Ok(Runner::<SoftIrq>::new()));
    let tasklet = KBox::pin_init(tasklet, GFP_KERNEL)?;
    let work = new_work!(Ok::<_, Error>(Runner::<C>::new()));
    let work = KBox::pin_init(work, GFP_KERNEL)?;
    let log = Log::of([tasklet.function(), work.function()])?;
    let log = log.tasklets()?.work()?.soft_irqs()?;
    let (cpu, start_ns) = together(trial, |cpu| {
        let start_ns = clock::now_ns();
        tasklet.schedule();
        work.queue(queue);
        (cpu, start_ns)
    });
    let stamps = || [&tasklet.stamp_ns, &work.stamp_ns].map(|stamp| stamp.load(Acquire));
    trial.come("a tasklet, or work", || !stamps().contains(&0))?;

    // Those that ran in one action of the soft IRQ on that CPU, in their order.
    let mut together = KVec::new();
    let mut is_inside = false;
    for event in log
        .events()?
        .iter()
        .filter(|event| event.cpu == cpu.as_u32())
    {
        let is_of_tasklets = event.id == Vector::Tasklet as usize;
        match event.what {
            What::Entered if is_of_tasklets && together.is_empty() => is_inside = true,
            What::Left if is_of_tasklets => is_inside = false,
            What::Began if is_inside => together.push(event.id, GFP_KERNEL)?,
            _ => (),
        }
    }
    let us_after = |stamp_ns: u64| stamp_ns.saturating_sub(start_ns) / 1000;
    let [tasklet_us, work_us] = stamps().map(us_after);

    evidence.check(
        together.contains(&tasklet.id()),
        fmt!("a tasklet still runs: it began {tasklet_us} us after it was scheduled"),
    )?;
    if !trial.is_control() && !work.is_in_softirq.load(Relaxed) {
        evidence.note(fmt!(
            "work on a queue that is to take their place ran in a thread"
        ))?;
        return evidence.holds();
    }
    // A thread may come between while the soft IRQ is preempted, as it may be with PREEMPT_RT.
    let is_same = tasklet.pid.load(Relaxed) == work.pid.load(Relaxed);
    let is_before = is_same && together.iter().eq(&[work.id(), tasklet.id()]);
    evidence.check(
        is_before,
        fmt!(
            "work on a queue {}, queued after it, began after {work_us} us, {} the tasklet in the \
             same action of the soft IRQ",
            trial.pick("in the soft IRQ", "with threads"),
            if is_before { "before" } else { "not before" }
        ),
    )?;
    evidence.outdated()
}
