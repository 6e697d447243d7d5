// SPDX-License-Identifier: GPL-2.0

//! One item that blocks does not hold up the others.
//!
//! When a worker blocks, its pool wakes another. On one CPU the first item blocks until those behind
//! it have run, or until its patience ends. In the control the queue is ordered: they wait for it.

use crate::claim::{
    log::{
        Event,
        Log,
        What, //
    },
    prelude::*, //
};
use irqlab::{
    completion::Completion,
    context::Task,
    cpu::CpuId,
    new_work,
    workqueue::{
        Handler,
        Kind,
        Queue,
        Work, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full, //
    },
    Arc, //
};

claim! {
    quote: "When passive waiting is required, work queues must be used instead.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "since Linux 2.6.36 a pool wakes or makes another thread when one blocks, which is called concurrency management",
    functions: "wq_worker_sleeping(), kick_pool(), maybe_create_worker()",
    control: "the queue is ordered",
    next: "ps | grep kworker/0:",
}

/// How many items are behind the first.
const FOLLOWERS: usize = 3;

/// What the items share.
#[pin_data]
struct Crowd {
    missing: Atomic<usize>,
    #[pin]
    have_run: Completion,
    patience_ms: u32,
}

struct Item {
    crowd: Arc<Crowd>,
    blocks: bool,
}

impl Handler<Kind> for Item {
    fn run(this: &Work<Self>, task: &Task) {
        let crowd = &this.crowd;
        if this.blocks {
            let _ = crowd.have_run.wait_ms(task, crowd.patience_ms);
        } else if crowd.missing.fetch_sub(1, Full) == 1 {
            crowd.have_run.complete();
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let name = c"irqlab_work_08";
    let queue = trial.pick(Queue::per_cpu(name)?, Queue::ordered(name)?);
    let patience_ms = trial.pick(20_000, 20);
    let crowd = pin_init!(Crowd {
        missing: Atomic::new(FOLLOWERS),
        have_run <- Completion::new(),
        patience_ms,
    });
    let crowd = Arc::pin_init(crowd, GFP_KERNEL)?;
    let item = |blocks| {
        let crowd = crowd.clone();
        let item = new_work!(Ok::<_, Error>(Item { crowd, blocks }));
        KBox::pin_init(item, GFP_KERNEL)
    };
    let (blocked, followers) = (item(true)?, [item(false)?, item(false)?, item(false)?]);
    let log = Log::of([blocked.function(), 0])?.work()?;
    // All on one CPU, so that nothing but the pool can help.
    let cpu = CpuId::current();
    blocked.queue_on(&queue, cpu);
    for follower in &followers {
        follower.queue_on(&queue, cpu);
    }
    if !trial.is_control() {
        let came = trial.come("the items behind one that blocks", || {
            crowd.missing.load(Acquire) == 0
        });
        // If they did not, nobody else lets it go on.
        crowd.have_run.complete();
        came?;
    }
    queue.flush(trial.task);

    // Those that had begun when the blocked one had ended, in the kernel's order. The last of them
    // lets that go on, and may itself end later.
    let events = log.events()?;
    let is_end = |event: &&Event| event.what == What::Ended && event.id == blocked.id();
    let end = events.iter().position(|event| is_end(&event)).unwrap_or(0);
    let began = |event: &&Event| event.what == What::Began && event.id != blocked.id();
    let nr_ahead = events[..end].iter().filter(began).count();
    evidence.note(fmt!(
        "on CPU {} an item on {} queue blocks, for at most {patience_ms} ms",
        cpu.as_u32(),
        trial.pick("a per-CPU", "an ordered")
    ))?;
    evidence.check(
        nr_ahead == FOLLOWERS,
        fmt!(
            "by the kernel's trace {nr_ahead} of the {FOLLOWERS} items behind it began before it ended"
        ),
    )?;
    evidence.holds()
}
