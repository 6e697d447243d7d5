// SPDX-License-Identifier: GPL-2.0

//! Who sends call single data does not wait: its handler cannot borrow from the stack.

#![forbid(unsafe_code)]

use irqlab::{
    context::IrqsOff,
    cpu::CpuId,
    smp::{
        Csd,
        Handler,
        Kind, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

const __LOG_PREFIX: &[u8] = b"compile_fail\0";

struct Borrower(&'static Atomic<i32>);

impl Handler<Kind> for Borrower {
    fn run(this: &Csd<Self>, _off: &IrqsOff) {
        this.0.add(1, Relaxed);
    }
}

/// Leaves before the call.
pub fn count_on(cpu: CpuId) -> Result<Pin<KBox<Csd<Borrower>>>> {
    let count = Atomic::new(0);
    // ERROR: E0597 `count` does not live long enough
    let borrower = Borrower(&count);
    let csd = KBox::pin_init(Csd::new(Ok::<_, Error>(borrower)), GFP_KERNEL)?;
    csd.call_on(cpu)?;
    Ok(csd)
}
