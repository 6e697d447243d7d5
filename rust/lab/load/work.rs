// SPDX-License-Identifier: GPL-2.0

use super::{
    Kind,
    Load,
    Start, //
};
use irqlab::{
    clock,
    context::Task,
    cpu::CpuId,
    new_work,
    workqueue::{
        self,
        Handler,
        Work, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

pub(super) const KIND: Kind = Kind {
    name: "work",
    about: "an item on the system's per-CPU work queue that queues itself each time, after 100 us",
    start: Start::Fixed(|_lab, cpu, _task| {
        let items = Items {
            cpu,
            nr_runs: Atomic::new(0),
        };
        let items = into_work(items)?;
        items.queue_on(workqueue::system_per_cpu(), cpu);
        Ok(KBox::new(WorkStorm(items), GFP_KERNEL)?)
    }),
};

fn into_work(items: Items) -> Result<Pin<KBox<Work<Items>>>> {
    KBox::pin_init(new_work!(Ok::<_, Error>(items)), GFP_KERNEL)
}

struct WorkStorm(Pin<KBox<Work<Items>>>);

struct Items {
    cpu: CpuId,
    nr_runs: Atomic<u64>,
}

impl Handler<workqueue::Kind> for Items {
    fn run(this: &Work<Self>, _task: &Task) {
        clock::spin_ns(100_000);
        this.nr_runs.add(1, Relaxed);
        this.queue_on(workqueue::system_per_cpu(), this.cpu);
    }
}

impl Load for WorkStorm {
    fn rounds(&self) -> u64 {
        self.0.nr_runs.load(Relaxed)
    }
}
