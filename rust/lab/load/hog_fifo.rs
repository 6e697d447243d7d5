// SPDX-License-Identifier: GPL-2.0

use super::{
    by_thread,
    Kind,
    Start, //
};
use irqlab::clock;

// At the lowest real-time priority, unless told otherwise: interrupt threads preempt it, all ordinary
// threads wait. It sleeps, or the events' own thread would hardly ever run.
pub(super) const KIND: Kind = Kind {
    name: "hog_fifo",
    about:
        "a thread of SCHED_FIFO, 1 unless told otherwise, that runs for 2 ms, then sleeps for 1 ms",
    start: Start::Fifo(|cpu, priority| {
        by_thread::start(cpu, priority, |task| {
            clock::spin_ns(2_000_000);
            task.sleep_us(1000, 10);
        })
    }),
};
