// SPDX-License-Identifier: GPL-2.0

//! Sleeping in the thread of a line, and in a work queue, is what they are for.
//!
//! This has to compile: it does what the others here do, where it may be done.

#![forbid(unsafe_code)]

use irqlab::{
    completion::Completion,
    context::{
        HardIrq,
        Task, //
    },
    irq::{
        IrqReturn,
        ThreadedHandler,
        ThreadedIrqReturn, //
    },
    workqueue::{
        self,
        Work, //
    },
};
use kernel::prelude::*;

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

#[pin_data]
struct Waiter {
    #[pin]
    done: Completion,
}

impl ThreadedHandler for Waiter {
    fn handle(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        ThreadedIrqReturn::WakeThread
    }

    fn handle_threaded(&self, task: &Task) -> IrqReturn {
        self.done.wait_ms(task, 1);
        task.sleep_ms(1);
        IrqReturn::Handled
    }
}

impl workqueue::Handler<workqueue::Kind> for Waiter {
    fn run(this: &Work<Self>, task: &Task) {
        this.done.wait_ms(task, 1);
    }
}
