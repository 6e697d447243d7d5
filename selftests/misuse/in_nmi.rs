// SPDX-License-Identifier: GPL-2.0

//! Deferrals that are begun in an NMI, which comes also while C's functions change the same lists.

use irqlab::{
    call_rcu::CallRcu,
    context::Task,
    cpu::CpuId,
    deferred::{
        Deferred,
        Handler,
        Kind, //
    },
    error::EBADMSG,
    hrtimer::HrTimer,
    irq_work::IrqWork,
    kthread::{
        self,
        Priority,
        Worker, //
    },
    new_delayed_work, new_timer, new_work,
    nmi::Sender,
    smp::{
        Csd,
        NotCalled, //
    },
    tasklet::Tasklet,
    timer::Timer,
    workqueue::{
        DelayedWork,
        Queue,
        Work, //
    },
};
#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
use irqlab::{
    context::SoftIrq,
    irq_poll::{
        self,
        IrqPoll, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

/// How often anything has run.
static NR_RUNS: Atomic<u32> = Atomic::new(0);

struct Counted;

impl<K: Kind> Handler<K> for Counted {
    fn run(_this: &Deferred<K, Self>, _context: &K::Context) {
        NR_RUNS.add(1, Relaxed);
    }
}

#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
impl irq_poll::Handler for Counted {
    fn poll(_this: &IrqPoll<Self>, _softirq: &SoftIrq, _budget: u32) -> u32 {
        NR_RUNS.add(1, Relaxed);
        0
    }

    fn has_more(_this: &IrqPoll<Self>) -> bool {
        false
    }
}

/// Begins one of each type in an NMI: all but IRQ work have to refuse.
pub(crate) fn begin_all(queue: &Arc<Queue>, task: &Task) -> Result {
    let counted = || Ok::<_, Error>(Counted);
    let worker = Worker::new(c"irqlab_misuse", Priority::Normal)?;
    let tasklet: Pin<KBox<Tasklet<_>>> = KBox::pin_init(Tasklet::new(counted()), GFP_KERNEL)?;
    let callback: Pin<KBox<CallRcu<_>>> = KBox::pin_init(CallRcu::new(counted()), GFP_KERNEL)?;
    let hrtimer: Pin<KBox<HrTimer<_>>> = KBox::pin_init(HrTimer::new(counted()), GFP_KERNEL)?;
    let timer: Pin<KBox<Timer<_>>> = KBox::pin_init(new_timer!(counted()), GFP_KERNEL)?;
    let work: Pin<KBox<Work<_>>> = KBox::pin_init(new_work!(counted()), GFP_KERNEL)?;
    let delayed = new_delayed_work!(queue.clone(), counted());
    let delayed: Pin<KBox<DelayedWork<_>>> = KBox::pin_init(delayed, GFP_KERNEL)?;
    let for_worker = kthread::Work::new(worker, counted());
    let for_worker = KBox::pin_init(for_worker, GFP_KERNEL)?;
    let csd: Pin<KBox<Csd<_>>> = KBox::pin_init(Csd::new(counted()), GFP_KERNEL)?;
    #[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
    let poll = KBox::pin_init(IrqPoll::new(16, counted()), GFP_KERNEL)?;
    let irq_work: Pin<KBox<IrqWork<_>>> = KBox::pin_init(IrqWork::new(counted()), GFP_KERNEL)?;

    let nr_begun = Atomic::new(0u32);
    Sender::new(task)?.call_here(&|_interrupted| {
        let begun = [
            tasklet.schedule(),
            tasklet.schedule_hi(),
            callback.queue(),
            hrtimer.start(1000),
            hrtimer.try_to_cancel().is_some(),
            hrtimer.forward(0) != 0,
            timer.start(1),
            work.queue(queue),
            work.queue_on(queue, CpuId::current()),
            delayed.queue(1),
            delayed.queue_on(CpuId::current(), 1),
            for_worker.queue(),
            csd.call_on(CpuId::current()) != Err(NotCalled::InNmi),
            #[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
            poll.schedule(),
        ];
        nr_begun.add(begun.into_iter().map(u32::from).sum(), Relaxed);
        delayed.modify(1);
        irq_work.queue();
    })?;
    task.sleep_ms(100);
    // IRQ work, and nothing else.
    let (nr_begun, nr_runs) = (nr_begun.load(Relaxed), NR_RUNS.load(Relaxed));
    if nr_begun == 0 && nr_runs == 1 {
        return Ok(());
    }
    pr_err!("in an NMI {nr_begun} were begun, {nr_runs} have run\n");
    Err(EBADMSG)
}
