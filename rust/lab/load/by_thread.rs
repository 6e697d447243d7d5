// SPDX-License-Identifier: GPL-2.0

//! What the loads in a thread share: all but its priority and what it does.

use super::Load;
use irqlab::{
    context::Task,
    cpu::CpuId,
    kthread::{
        Handler,
        Kind,
        Priority,
        Work,
        Worker, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

struct ByThread<R: Fn(&Task) + Send + Sync + 'static>(Pin<KBox<Work<Rounds<R>>>>);

/// The work: rounds of `round` until it is to stop.
struct Rounds<R> {
    round: R,
    nr_done: Atomic<u64>,
    is_stopped: Atomic<bool>,
}

/// Does `round` over and over, in a thread of `priority` on `cpu`.
pub(crate) fn start(
    cpu: CpuId,
    priority: Priority,
    round: impl Fn(&Task) + Send + Sync + 'static,
) -> Result<KBox<dyn Load>> {
    let worker = Worker::on(cpu, c"irqlab_load", priority)?;
    let rounds = Rounds {
        round,
        nr_done: Atomic::new(0),
        is_stopped: Atomic::new(false),
    };
    let work = KBox::try_pin_init(Work::new(worker, Ok(rounds)), GFP_KERNEL)?;
    work.queue();
    Ok(KBox::new(ByThread(work), GFP_KERNEL)?)
}

impl<R: Fn(&Task) + Send + Sync + 'static> Handler<Kind> for Rounds<R> {
    fn run(this: &Work<Self>, task: &Task) {
        while !this.is_stopped.load(Relaxed) {
            (this.round)(task);
            this.nr_done.add(1, Relaxed);
            task.yield_if_needed();
        }
    }
}

impl<R: Fn(&Task) + Send + Sync + 'static> Load for ByThread<R> {
    fn rounds(&self) -> u64 {
        self.0.nr_done.load(Relaxed)
    }
}

impl<R: Fn(&Task) + Send + Sync + 'static> Drop for ByThread<R> {
    fn drop(&mut self) {
        self.0.is_stopped.store(true, Relaxed);
    }
}
