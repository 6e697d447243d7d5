// SPDX-License-Identifier: GPL-2.0

//! Traffic between CPUs, counted where the kernel's tracepoints tell of it.

use irqlab::{
    context::{
        IrqsOff,
        Unsleeping, //
    },
    cpu::{
        CpuId,
        PerCpu, //
    },
    tracepoint::{
        Attached,
        CallFunctionEntry,
        CallFunctionSingleEntry,
        CsdQueueCpu,
        IpiSendCpu,
        Observer,
        WakeIdleWithoutIpi, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

/// What is counted, on the CPU that does it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It puts a call into the queue of the target.
    Queued,
    /// It sends an interrupt to the target.
    Sent,
    /// It finds that the target needs none.
    Spared,
    /// It is interrupted to make the calls in its queue, sent to it alone or with others.
    Called,
}

const NR: usize = Seen::Called as usize + 1;

/// Counts for each CPU.
pub(crate) struct Traffic {
    /// What is sent to others does not count.
    target: CpuId,
    counts: PerCpu<[Atomic<u64>; NR]>,
}

impl Traffic {
    /// Begins to count these, for what goes to `target`. Each takes a while: the kernel
    /// patches its code.
    pub(crate) fn to(target: CpuId, which: &[Seen]) -> Result<Attached<Self>> {
        let traffic = Self {
            target,
            counts: PerCpu::new(|| Ok([const { Atomic::new(0) }; NR]))?,
        };
        let mut attached = Attached::new(Arc::new(traffic, GFP_KERNEL)?);
        for what in which {
            match what {
                Seen::Queued => attached.to::<CsdQueueCpu>()?,
                Seen::Sent => attached.to::<IpiSendCpu>()?,
                Seen::Spared => attached.to::<WakeIdleWithoutIpi>()?,
                Seen::Called => {
                    attached.to::<CallFunctionEntry>()?;
                    attached.to::<CallFunctionSingleEntry>()?;
                }
            }
        }
        Ok(attached)
    }

    /// How often `cpu` has done it.
    pub(crate) fn on(&self, cpu: CpuId, what: Seen) -> u64 {
        self.counts.of(cpu)[what as usize].load(Relaxed)
    }

    /// The number of the interrupt that makes the calls in the queue here; 0 if none does.
    pub(crate) fn interrupt(&self, off: &IrqsOff) -> u64 {
        match off.hard_irq() {
            Some(_) => self.on(off.cpu(), Seen::Called),
            None => 0,
        }
    }

    fn count(&self, what: Seen) {
        self.counts.local()[what as usize].add(1, Relaxed);
    }

    fn count_to(&self, cpu: CpuId, what: Seen) {
        if cpu == self.target {
            self.count(what);
        }
    }
}

macro_rules! observe {
    ($($tracepoint:ident($self:ident, $event:ident) => $count:expr,)*) => {$(
        impl Observer<$tracepoint> for Traffic {
            fn observe(&$self, $event: &$tracepoint, _context: &Unsleeping) {
                $count;
            }
        }
    )*};
}

observe! {
    CsdQueueCpu(self, event) => self.count_to(event.cpu, Seen::Queued),
    IpiSendCpu(self, event) => self.count_to(event.cpu, Seen::Sent),
    WakeIdleWithoutIpi(self, event) => self.count_to(event.cpu, Seen::Spared),
    CallFunctionEntry(self, _event) => self.count(Seen::Called),
    CallFunctionSingleEntry(self, _event) => self.count(Seen::Called),
}
