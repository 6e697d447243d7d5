// SPDX-License-Identifier: GPL-2.0

//! One item that blocks does not hold up the others.
//!
//! When a worker blocks, its pool wakes another: concurrency management.

use crate::claim::{
    judge,
    prelude::*, //
};
use irqlab::{
    clock,
    context::Task,
    cpu::CpuId,
    new_work,
    workqueue::{
        Handler,
        Queue,
        Work, //
    },
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "When passive waiting is required, work queues must be used instead.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "since Linux 2.6.36 a pool wakes or makes another thread when one blocks, which is called concurrency management",
    functions: "wq_worker_sleeping(), kick_pool(), maybe_create_worker()",
    control: "the queue is ordered",
    next: "ps | grep kworker/0:",
}

/// How long the first item blocks, and how many follow it.
const BLOCK_MS: u32 = 100;
const FOLLOWERS: usize = 3;

struct Item {
    sleep_ms: u32,
    end_ns: Atomic<u64>,
}

impl Handler for Item {
    type Context = Task;

    fn run(this: &Work<Self>, task: &Task) {
        if this.sleep_ms > 0 {
            task.sleep_ms(this.sleep_ms);
        }
        this.end_ns.store(clock::now_ns(), Relaxed);
    }
}

fn item(sleep_ms: u32) -> Result<Pin<KBox<Work<Item>>>> {
    let item = Item {
        sleep_ms,
        end_ns: Atomic::new(0),
    };
    KBox::pin_init(new_work!(Ok::<_, Error>(item)), GFP_KERNEL)
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    trial.judge_by_clock();
    let queue = if trial.is_control() {
        Queue::ordered(c"irqlab_work_08")
    } else {
        Queue::per_cpu(c"irqlab_work_08")
    }?;
    let blocked = item(BLOCK_MS)?;
    let mut followers = KVec::new();
    for _ in 0..FOLLOWERS {
        followers.push(item(0)?, GFP_KERNEL)?;
    }
    // All on one CPU, so that nothing but the pool can help.
    let cpu = CpuId::current();
    blocked.queue_on(&queue, cpu);
    for follower in &followers {
        follower.queue_on(&queue, cpu);
    }
    queue.flush(trial.task);
    let blocked_end_ns = blocked.end_ns.load(Relaxed);
    let is_ahead = |follower: &&Pin<KBox<Work<Item>>>| {
        let end_ns = follower.end_ns.load(Relaxed);
        end_ns > 0 && end_ns < blocked_end_ns
    };
    let ahead = followers.iter().filter(is_ahead).count();
    judge!(
        ahead == FOLLOWERS,
        "on CPU {}, an item blocked for {} ms: {} of the {} items behind it finished before it",
        cpu.as_u32(),
        BLOCK_MS,
        ahead,
        FOLLOWERS
    )
}
