// SPDX-License-Identifier: GPL-2.0

//! What the kernel says about the current context, in one small record.
//!
//! C header: [`include/linux/preempt.h`](srctree/include/linux/preempt.h),
//! [`include/linux/hardirq.h`](srctree/include/linux/hardirq.h)

use super::Moment;
use crate::{
    bindings,
    clock::{
        self,
        Stamp, //
    },
    cpu::CpuId,
};
use kernel::{
    fmt,
    prelude::*, //
};

/// Which of the four contexts the CPU was in. Later ones interrupt earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A task runs on its own behalf.
    Task,
    /// A soft IRQ is served, by the interrupt's exit, `local_bh_enable()` or ksoftirqd.
    SoftIrq,
    /// A hard IRQ is served.
    HardIrq,
    /// A non-maskable interrupt is served.
    Nmi,
}

impl Kind {
    /// All contexts, in the order in which they interrupt each other.
    pub const ALL: [Kind; 4] = [Kind::Task, Kind::SoftIrq, Kind::HardIrq, Kind::Nmi];

    /// The name that the lab's tables use.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Task => "task",
            Kind::SoftIrq => "softirq",
            Kind::HardIrq => "hardirq",
            Kind::Nmi => "nmi",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The stack that the stack pointer was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackRegion {
    /// The current task's kernel stack.
    Task,
    /// The CPU's IRQ stack, which hard and soft IRQs share.
    Irq,
    /// Entry `n` (1 to 7) of the interrupt stack table.
    Ist(u8),
}

impl StackRegion {
    /// The inverse of [`Self::into_raw`]. Unknown values are the IRQ stack.
    #[inline]
    pub const fn from_raw(raw: u8) -> Self {
        match raw {
            0 => StackRegion::Task,
            1 => StackRegion::Irq,
            n => StackRegion::Ist(n - 1),
        }
    }

    /// A small number, for compact records.
    ///
    /// ```
    /// # use irqlab::context::StackRegion;
    /// fn comes_back(region: StackRegion) -> bool {
    ///     StackRegion::from_raw(region.into_raw()) == region
    /// }
    ///
    /// assert!([StackRegion::Task, StackRegion::Irq, StackRegion::Ist(2)].into_iter().all(comes_back));
    /// ```
    #[inline]
    pub const fn into_raw(self) -> u8 {
        match self {
            StackRegion::Task => 0,
            StackRegion::Irq => 1,
            StackRegion::Ist(n) => n + 1,
        }
    }
}

impl fmt::Display for StackRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StackRegion::Task => f.pad("task"),
            StackRegion::Irq => f.pad("irq"),
            StackRegion::Ist(n) => f.write_fmt(fmt!("ist{n}")),
        }
    }
}

/// The context of one moment. Cheap: no lock, no allocation, safe even in NMI.
///
/// ```
/// # use irqlab::{context::{Kind, Snapshot, StackRegion}, interrupt::local_interrupt_disable};
/// # use kernel::prelude::*;
/// let here = Snapshot::take();
/// pr_info!("{} in context {}\n", here.comm(), here.kind().name());
/// if !here.is_preemptible() {
///     pr_info!("preemption disabled {} times\n", here.preempt_depth());
/// }
/// if here.is_serving_softirq() && here.stack == StackRegion::Irq {
///     pr_info!("soft IRQ depth {}\n", here.softirq_depth());
/// }
///
/// assert!(here.kind() == Kind::Task && here.is_preemptible());
/// let off = local_interrupt_disable();
/// assert!(!Snapshot::take().is_preemptible());
/// # drop(off);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// When, in nanoseconds of the CPU's [`clock`].
    pub stamp_ns: u64,
    /// The CPU's number.
    pub cpu: u32,
    /// `preempt_count()` as it was, with its need-resched bits.
    pub preempt_count: u64,
    /// `softirq_count()`: on `PREEMPT_RT` it is not part of the preempt count.
    pub softirq_count: u64,
    /// Whether maskable interrupts were off (IF = 0).
    pub irqs_disabled: bool,
    /// Where the stack pointer pointed.
    pub stack: StackRegion,
    /// The current task's id, which in interrupt context is the interrupted one's.
    pub pid: i32,
    /// Its name, padded with zeros.
    pub comm: [u8; 16],
}

impl Snapshot {
    /// Takes a snapshot of here and now.
    #[inline]
    pub fn take() -> Self {
        let stamp_ns = clock::now_ns();
        Moment::at(Stamp::of_ns(stamp_ns)).snapshot_at(stamp_ns, CpuId::current())
    }

    /// The context that the counters describe.
    #[inline]
    pub const fn kind(&self) -> Kind {
        if self.nmi_depth() > 0 {
            Kind::Nmi
        } else if self.hardirq_depth() > 0 {
            Kind::HardIrq
        } else if self.is_serving_softirq() {
            Kind::SoftIrq
        } else {
            Kind::Task
        }
    }

    /// How many times preemption was disabled.
    pub const fn preempt_depth(&self) -> u32 {
        field(
            self.preempt_count,
            bindings::PREEMPT_MASK,
            bindings::PREEMPT_SHIFT,
        )
    }

    /// How many hard IRQ handlers were nested.
    pub const fn hardirq_depth(&self) -> u32 {
        field(
            self.preempt_count,
            bindings::HARDIRQ_MASK,
            bindings::HARDIRQ_SHIFT,
        )
    }

    /// How many NMI handlers were nested.
    pub const fn nmi_depth(&self) -> u32 {
        field(self.preempt_count, bindings::NMI_MASK, bindings::NMI_SHIFT)
    }

    /// The soft IRQ field: bit 0 is "serving", the rest counts `local_bh_disable()`.
    pub const fn softirq_depth(&self) -> u32 {
        field(
            self.softirq_count,
            bindings::SOFTIRQ_MASK,
            bindings::SOFTIRQ_SHIFT,
        )
    }

    /// Whether a soft IRQ was being served, rather than disabled.
    pub const fn is_serving_softirq(&self) -> bool {
        self.softirq_depth() & 1 == 1
    }

    /// Whether another task may have taken the CPU: nothing that forbids it was counted, and interrupts were
    /// on.
    pub const fn is_preemptible(&self) -> bool {
        let forbidding = bindings::PREEMPT_MASK
            | bindings::SOFTIRQ_MASK
            | bindings::HARDIRQ_MASK
            | bindings::NMI_MASK;
        self.preempt_count & forbidding == 0 && !self.irqs_disabled
    }

    /// The current task's name.
    pub fn comm(&self) -> &str {
        comm_str(&self.comm)
    }
}

/// The text of a zero-padded task name; `?` if it is not UTF-8.
pub(crate) fn comm_str(comm: &[u8; 16]) -> &str {
    let len = comm.iter().position(|&c| c == 0).unwrap_or(comm.len());
    core::str::from_utf8(&comm[..len]).unwrap_or("?")
}

const fn field(count: u64, mask: u64, shift: u32) -> u32 {
    ((count & mask) >> shift) as u32
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!(
            "{} IF={} preempt={} softirq={} hardirq={} stack={} cpu={} {}/{}",
            self.kind(),
            u8::from(!self.irqs_disabled),
            self.preempt_depth(),
            self.softirq_depth(),
            self.hardirq_depth(),
            self.stack,
            self.cpu,
            self.comm(),
            self.pid,
        ))
    }
}
