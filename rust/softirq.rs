// SPDX-License-Identifier: GPL-2.0

//! Soft IRQs: the kernel's ten, which a module can watch but not add to.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use crate::bindings;
use kernel::{
    cpu::CpuId,
    fmt,
    str::CStr, //
};

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

    /// The vector with this number, if there is one.
    pub const fn from_raw(number: u32) -> Option<Self> {
        if (number as usize) < Self::ALL.len() {
            Some(Self::ALL[number as usize])
        } else {
            None
        }
    }

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

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Who serves a soft IRQ. [`tracepoint::SoftirqEntry`](crate::tracepoint::SoftirqEntry)
/// tells.
///
/// ```text
///     raised in a hard IRQ ──────────────▶ IrqExit
///     raised with bottom halves off ─────▶ BottomHalfEnable
///     raised in a task otherwise, too many in a row,
///     or forced threading ───────────────▶ Ksoftirqd
/// ```
///
/// ```
/// # use irqlab::{context::Unsleeping, softirq::Executor, tracepoint::{Observer, SoftirqEntry}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// /// Keeps who served a soft IRQ last.
/// struct Last(Atomic<u32>);
///
/// impl Observer<SoftirqEntry> for Last {
///     fn observe(&self, event: &SoftirqEntry, _context: &Unsleeping) {
///         self.0.store(event.executor() as u32, Relaxed);
///     }
/// }
///
/// fn show(last: &Last) {
///     pr_info!("{}\n", Executor::from_raw(last.0.load(Relaxed)).name());
/// }
///
/// # use irqlab::{tracepoint::Attached, workqueue::Queue};
/// # use kernel::sync::Arc;
/// let mut attached = Attached::new(Arc::new(Last(Atomic::new(0)), GFP_KERNEL)?);
/// attached.to::<SoftirqEntry>()?;
/// task.sleep_ms(1);
/// show(attached.observer());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Executor {
    /// The exit of a hard IRQ, `irq_exit()`.
    IrqExit,
    /// The end of the outermost section with bottom halves disabled, in a task.
    BottomHalfEnable,
    /// The CPU's thread `ksoftirqd/<cpu>`.
    Ksoftirqd,
    /// On `PREEMPT_RT`, the CPU's thread `ktimers/<cpu>`, for both kinds of timers.
    Ktimers,
    /// The idle loop, for what a call of another CPU raised. It takes such calls
    /// without an interrupt while it polls.
    Idle,
    /// None of these.
    Other,
}

impl Executor {
    /// All of them, in the order of their numbers.
    pub const ALL: [Executor; 6] = [
        Executor::IrqExit,
        Executor::BottomHalfEnable,
        Executor::Ksoftirqd,
        Executor::Ktimers,
        Executor::Idle,
        Executor::Other,
    ];

    /// The executor with this number; [`Executor::Other`] for all that is unknown.
    pub const fn from_raw(number: u32) -> Self {
        if (number as usize) < Self::ALL.len() {
            Self::ALL[number as usize]
        } else {
            Executor::Other
        }
    }

    /// The name that the lab's tables use.
    pub const fn name(self) -> &'static str {
        match self {
            Executor::IrqExit => "irq_exit",
            Executor::BottomHalfEnable => "bh_enable",
            Executor::Ksoftirqd => "ksoftirqd",
            Executor::Ktimers => "ktimers",
            Executor::Idle => "idle",
            Executor::Other => "other",
        }
    }

    /// Who serves the soft IRQ that begins here. Only a probe of its entry may ask.
    pub(crate) fn current() -> Self {
        // SAFETY: Reads the current task and its stacks, from any context.
        Self::from_raw(unsafe { bindings::softirq_executor() })
    }
}

impl fmt::Display for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

// The kernel has as many as are listed here.
const _: () = assert!(Vector::ALL.len() == bindings::NR_SOFTIRQS as usize);

/// Functions that add, raise, and use soft IRQs.
///
/// ```
/// # use irqlab::softirq::Function;
/// # use kernel::prelude::*;
/// for function in [Function::Open, Function::Raise, Function::TaskletSchedule] {
///     pr_info!("{:?}: {}\n", function.name(), function.is_exported());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `open_softirq()`, which gives a soft IRQ its action.
    Open,
    /// `raise_softirq()`.
    Raise,
    /// `__tasklet_schedule()`.
    TaskletSchedule,
}

impl Function {
    /// Whether this kernel lets modules call it.
    pub fn is_exported(self) -> bool {
        // SAFETY: They look at what the module loader has found.
        unsafe {
            match self {
                Function::Open => bindings::open_softirq_is_exported(),
                Function::Raise => bindings::raise_softirq_is_exported(),
                Function::TaskletSchedule => bindings::tasklet_schedule_is_exported(),
            }
        }
    }

    /// Its name in C.
    pub const fn name(self) -> &'static CStr {
        match self {
            Function::Open => c"open_softirq",
            Function::Raise => c"raise_softirq",
            Function::TaskletSchedule => c"__tasklet_schedule",
        }
    }
}

/// How many bits the kernel keeps of which soft IRQs are pending: there cannot be more of them.
pub fn nr_pending_bits() -> u32 {
    // SAFETY: Tells the size of a variable.
    unsafe { bindings::nr_pending_bits() }
}

/// How often `vector` was served on `cpu` since boot: its field in `/proc/softirqs`.
///
/// ```
/// # use irqlab::{cpu::CpuId, softirq::{self, Vector}};
/// # use kernel::prelude::*;
/// let bits = softirq::nr_pending_bits();
/// for vector in (0..bits).filter_map(Vector::from_raw) {
///     pr_info!("{}: {}\n", vector.name(), softirq::count(vector, CpuId::current()));
/// }
/// assert!((10..=32).contains(&bits) && Vector::from_raw(bits).is_none());
/// ```
pub fn count(vector: Vector, cpu: CpuId) -> u64 {
    // SAFETY: Both numbers are in range by the types' invariants.
    unsafe { bindings::softirqs_count(vector as u32, cpu.as_u32()) }.into()
}
