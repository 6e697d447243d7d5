// SPDX-License-Identifier: GPL-2.0

use super::{
    by_thread,
    Kind, //
};
use irqlab::{
    clock,
    interrupt::local_interrupt_disable,
    kthread::Priority, //
};

pub(super) const KIND: Kind = Kind {
    name: "irqs_off",
    about: "a thread of SCHED_FIFO 1 that turns interrupts off for 200 us, then sleeps for 300 us",
    start: |_lab, cpu, _task| {
        by_thread::start(cpu, Priority::FifoLow, |task| {
            let off = local_interrupt_disable();
            clock::spin_ns(200_000);
            drop(off);
            task.sleep_us(300, 10);
        })
    },
};
