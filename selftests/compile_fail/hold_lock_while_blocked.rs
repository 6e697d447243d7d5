// SPDX-License-Identifier: GPL-2.0

//! A handler that blocks goes on in another thread, and cannot take a spinlock along.

#![forbid(unsafe_code)]

use irqlab::interrupt_thread::{
    Handler,
    Run, //
};
use kernel::sync::{
    Arc,
    SpinLock, //
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

struct Disk {
    queue: SpinLock<u32>,
}

impl Handler for Disk {
    // ERROR: future cannot be sent between threads safely
    async fn serve(this: Arc<Self>, run: Run) {
        let mut queue = this.queue.lock();
        run.sleep_us(100).await;
        *queue += 1;
    }
}
