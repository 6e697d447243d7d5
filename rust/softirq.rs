// SPDX-License-Identifier: GPL-2.0

//! Soft IRQs: the kernel's ten, which a module can watch but not add to.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use crate::bindings;
use kernel::cpu::CpuId;

/// A soft IRQ. Lower ones run first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Vector {
    /// Tasklets and BH work of high priority.
    Hi,
    /// Timers.
    Timer,
    /// Sending network packets.
    NetTx,
    /// Receiving network packets.
    NetRx,
    /// Completing block requests.
    Block,
    /// IRQ polls.
    IrqPoll,
    /// Tasklets and BH work.
    Tasklet,
    /// Balancing the load between CPUs.
    Sched,
    /// High-resolution timers in soft mode.
    HrTimer,
    /// RCU callbacks.
    Rcu,
}

impl Vector {
    /// All of them, in the order in which they run.
    pub const ALL: [Vector; 10] = [
        Vector::Hi,
        Vector::Timer,
        Vector::NetTx,
        Vector::NetRx,
        Vector::Block,
        Vector::IrqPoll,
        Vector::Tasklet,
        Vector::Sched,
        Vector::HrTimer,
        Vector::Rcu,
    ];

    /// The name that `/proc/softirqs` uses.
    pub const fn name(self) -> &'static str {
        match self {
            Vector::Hi => "HI",
            Vector::Timer => "TIMER",
            Vector::NetTx => "NET_TX",
            Vector::NetRx => "NET_RX",
            Vector::Block => "BLOCK",
            Vector::IrqPoll => "IRQ_POLL",
            Vector::Tasklet => "TASKLET",
            Vector::Sched => "SCHED",
            Vector::HrTimer => "HRTIMER",
            Vector::Rcu => "RCU",
        }
    }
}

// The kernel has as many as are listed here.
const _: () = assert!(Vector::ALL.len() == bindings::NR_SOFTIRQS as usize);

/// How often `vector` was served on `cpu` since boot: its field in `/proc/softirqs`.
pub fn count(vector: Vector, cpu: CpuId) -> u64 {
    // SAFETY: Both numbers are in range by the types' invariants.
    unsafe { bindings::softirqs_count(vector as u32, cpu.as_u32()) }.into()
}
