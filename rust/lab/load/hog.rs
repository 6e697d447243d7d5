// SPDX-License-Identifier: GPL-2.0

use super::{
    by_thread,
    Kind,
    Load,
    Start, //
};
use irqlab::{
    clock,
    cpu::CpuId,
    kthread::Priority, //
};
use kernel::prelude::*;

pub(super) const KIND: Kind = Kind {
    name: "hog",
    about: "an ordinary thread that never sleeps",
    start: Start::Fixed(|_lab, cpu, _task| start(cpu)),
};

pub(crate) fn start(cpu: CpuId) -> Result<KBox<dyn Load>> {
    by_thread::start(cpu, Priority::Normal, |_task| clock::spin_ns(50_000))
}
