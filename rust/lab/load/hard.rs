// SPDX-License-Identifier: GPL-2.0

use super::{
    Kind,
    Load,
    Start, //
};
use irqlab::{
    clock,
    context::HardIrq,
    cpu,
    hrtimer::{
        self,
        Handler,
        HrTimer, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// How often it interrupts.
const PERIOD_NS: i64 = 500_000;

pub(super) const KIND: Kind = Kind {
    name: "hard",
    about: "a hard handler that takes 200 us, each 500 us",
    start: Start::Fixed(|lab, cpu, task| {
        let bursts = Bursts {
            nr_runs: Atomic::new(0),
        };
        let bursts = KBox::pin_init(HrTimer::new(Ok(bursts)), GFP_KERNEL)?;
        cpu::run_on(&lab.workers, core::iter::once(cpu), task, |_here| {
            bursts.start(PERIOD_NS);
        })?;
        Ok(KBox::new(HardBursts(bursts), GFP_KERNEL)?)
    }),
};

struct HardBursts(Pin<KBox<HrTimer<Bursts>>>);

struct Bursts {
    nr_runs: Atomic<u64>,
}

impl Handler<hrtimer::Kind<HardIrq>> for Bursts {
    fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
        clock::spin_ns(200_000);
        this.nr_runs.add(1, Relaxed);
        this.forward(PERIOD_NS);
    }
}

impl Load for HardBursts {
    fn rounds(&self) -> u64 {
        self.0.nr_runs.load(Relaxed)
    }
}
