// SPDX-License-Identifier: GPL-2.0

//! Work that sleeps is not for a BH work queue, which runs in soft IRQ context.

#![forbid(unsafe_code)]

use irqlab::{
    context::{
        SoftIrq,
        Task, //
    },
    workqueue::{
        Handler,
        Kind,
        Queue,
        Work, //
    },
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

struct Sleeper;

impl Handler<Kind> for Sleeper {
    fn run(_this: &Work<Self>, task: &Task) {
        task.sleep_ms(1);
    }
}

pub fn queue(work: &Work<Sleeper>, queue: &Queue<SoftIrq>) {
    // ERROR: E0308 mismatched types
    work.queue(queue);
}
