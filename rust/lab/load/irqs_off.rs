// SPDX-License-Identifier: GPL-2.0

use super::{
    by_thread,
    Kind,
    Load, //
};
use irqlab::{
    clock,
    cpu::CpuId,
    kthread::Priority, //
};
use kernel::{
    interrupt::local_interrupt_disable,
    prelude::*, //
};

pub(super) const KIND: Kind = Kind {
    name: "irqs_off",
    about: "a thread of SCHED_FIFO 1 that turns interrupts off for 200 us, then sleeps for 300 us",
    start: |_lab, cpu, _task| start(cpu, 200, 300, || ()),
};

/// Turns interrupts off for so many microseconds, and sleeps for so many, in turn. Calls `cue` when
/// they have just been turned off.
pub(crate) fn start(
    cpu: CpuId,
    off_us: u32,
    sleep_us: u32,
    cue: impl Fn() + Send + Sync + 'static,
) -> Result<KBox<dyn Load>> {
    by_thread::start(cpu, Priority::FifoLow, move |task| {
        let off = local_interrupt_disable();
        cue();
        clock::spin_ns(u64::from(off_us) * 1000);
        drop(off);
        task.sleep_us(sleep_us, 10);
    })
}
