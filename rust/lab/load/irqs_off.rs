// SPDX-License-Identifier: GPL-2.0

use super::{
    by_thread,
    Kind,
    Start, //
};
use irqlab::{
    clock,
    interrupt::local_interrupt_disable, //
};

pub(super) const KIND: Kind = Kind {
    name: "irqs_off",
    about: "a thread of SCHED_FIFO, 1 unless told otherwise, that turns interrupts off for 200 us, then sleeps for 300 us",
    start: Start::Fifo(|cpu, priority| {
        by_thread::start(cpu, priority, |task| {
            let off = local_interrupt_disable();
            clock::spin_ns(200_000);
            drop(off);
            task.sleep_us(300, 10);
        })
    }),
};
