// SPDX-License-Identifier: GPL-2.0

//! Tasklets are deprecated in favour of threaded IRQs, and will be removed.
//!
//! They are still there, and their successors are BH work queues: those run in the
//! same soft IRQ, before the tasklets.

use crate::claim::{
    evidence::{found, Verdict},
    prelude::*, //
};
use irqlab::{
    context::{
        Context,
        Kind,
        Snapshot,
        SoftIrq,
        Task, //
    },
    new_work,
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
use kernel::{
    interrupt::local_interrupt_disable,
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

claim! {
    quote: "In the latest version of the kernel the Tasklets API is deprecated in favour of Threaded IRQs. The Tasklet API (but also the SoftIRQ) will be removed",
    section: "Tasklets",
    today: "the header says deprecated since Linux 5.9, and tasklets are still there; since Linux 6.9 BH work queues are to take their place, not threads",
    functions: "tasklet_action(), workqueue_softirq_action()",
    control: "the work is on a queue with threads",
    next: "echo line=sim0 mechanisms=tasklet,bh_wq,threaded > bench; cat bench",
}

/// Notes at which place it ran.
struct Runner<C> {
    finish: Arc<Atomic<u64>>,
    place: Atomic<u64>,
    in_softirq: Atomic<bool>,
    _context: core::marker::PhantomData<fn(&C)>,
}

impl<C> Runner<C> {
    fn new(finish: &Arc<Atomic<u64>>) -> Self {
        Self {
            finish: finish.clone(),
            place: Atomic::new(0),
            in_softirq: Atomic::new(false),
            _context: core::marker::PhantomData,
        }
    }

    fn run(&self) {
        let place = self.finish.fetch_add(1, Full) + 1;
        let is_softirq = Snapshot::take().kind() == Kind::SoftIrq;
        self.in_softirq.store(is_softirq, Relaxed);
        self.place.store(place, Release);
    }
}

impl tasklet::Handler for Runner<SoftIrq> {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        (**this).run();
    }
}

impl<C: Context + 'static> workqueue::Handler for Runner<C> {
    type Context = C;

    fn run(this: &Work<Self>, _context: &C) {
        (**this).run();
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    if trial.is_control() {
        race::<Task>(trial, &Queue::per_cpu(c"irqlab_task_08")?)
    } else {
        race::<SoftIrq>(trial, &Queue::bh(c"irqlab_task_08")?)
    }
}

/// Schedules a tasklet, then work on `queue`, and sees which runs first.
fn race<C: Context + 'static>(trial: &Trial<'_>, queue: &Queue<C>) -> Answer<Finding> {
    let finish = Arc::new(Atomic::new(0), GFP_KERNEL)?;
    let tasklet = Tasklet::new(Ok(Runner::<SoftIrq>::new(&finish)));
    let tasklet = KBox::pin_init(tasklet, GFP_KERNEL)?;
    let work = new_work!(Ok::<_, Error>(Runner::<C>::new(&finish)));
    let work = KBox::pin_init(work, GFP_KERNEL)?;
    {
        let _guard = local_interrupt_disable();
        tasklet.schedule();
        work.queue(queue);
    }
    trial.eventually(2000, || finish.load(Relaxed) == 2);
    trial.settle();
    let in_softirq = work.in_softirq.load(Relaxed);
    let (tasklet, work) = (tasklet.place.load(Acquire), work.place.load(Acquire));
    // A thread may come first as well, if ksoftirqd is late.
    let verdict = if work == 1 && tasklet == 2 && in_softirq {
        Verdict::Outdated
    } else {
        Verdict::Fails
    };
    found(
        verdict,
        fmt!(
            "a tasklet still runs; scheduled before BH work it ran at place {}, the work at place {}, in \
             {} context",
            tasklet,
            work,
            if in_softirq { "softirq" } else { "another" }
        ),
    )
}
