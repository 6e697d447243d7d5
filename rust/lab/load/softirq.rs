// SPDX-License-Identifier: GPL-2.0

use super::{
    Kind,
    Load,
    Start, //
};
use irqlab::{
    clock,
    context::SoftIrq,
    cpu,
    tasklet::{
        self,
        Handler,
        Tasklet, //
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
    name: "softirq",
    about: "a tasklet that schedules itself each time, after 20 us",
    start: Start::Fixed(|lab, cpu, task| {
        let storm = Storm {
            nr_runs: Atomic::new(0),
        };
        let storm = KBox::pin_init(Tasklet::new(Ok(storm)), GFP_KERNEL)?;
        cpu::run_on(&lab.workers, core::iter::once(cpu), task, |_here| {
            storm.schedule();
        })?;
        Ok(KBox::new(SoftirqStorm(storm), GFP_KERNEL)?)
    }),
};

struct SoftirqStorm(Pin<KBox<Tasklet<Storm>>>);

struct Storm {
    nr_runs: Atomic<u64>,
}

impl Handler<tasklet::Kind> for Storm {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        clock::spin_ns(20_000);
        this.nr_runs.add(1, Relaxed);
        this.schedule();
    }
}

impl Load for SoftirqStorm {
    fn rounds(&self) -> u64 {
        self.0.nr_runs.load(Relaxed)
    }
}
