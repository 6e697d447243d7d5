// SPDX-License-Identifier: GPL-2.0

//! What a driver puts on a line: a top half, one that may be forced into a thread, or one with a thread.
//!
//! C header: [`include/linux/irqreturn.h`](srctree/include/linux/irqreturn.h)

use crate::{
    bindings,
    context::{
        HardIrq,
        Task, //
    },
};

/// What a handler answers to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqReturn {
    /// The interrupt was not from this handler's device.
    None,
    /// It was, and is dealt with.
    Handled,
}

impl IrqReturn {
    pub(super) const fn into_raw(self) -> bindings::irqreturn_t {
        match self {
            IrqReturn::None => bindings::irqreturn::IRQ_NONE,
            IrqReturn::Handled => bindings::irqreturn::IRQ_HANDLED,
        }
    }
}

/// What the primary handler of a threaded interrupt answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadedIrqReturn {
    /// The interrupt was not from this handler's device.
    None,
    /// It was, and is dealt with: the thread is not needed.
    Handled,
    /// It was, and the thread is to do the rest.
    WakeThread,
}

impl ThreadedIrqReturn {
    pub(super) const fn into_raw(self) -> bindings::irqreturn_t {
        match self {
            ThreadedIrqReturn::None => bindings::irqreturn::IRQ_NONE,
            ThreadedIrqReturn::Handled => bindings::irqreturn::IRQ_HANDLED,
            ThreadedIrqReturn::WakeThread => bindings::irqreturn::IRQ_WAKE_THREAD,
        }
    }
}

/// A top half.
///
/// It runs in true hard IRQ context on every kernel: `PREEMPT_RT` would move it
/// into a thread, and is asked not to (`IRQF_NO_THREAD`), so that the token is
/// always the truth. So it can take no `SpinLock` of the kernel crate there, which sleeps on
/// `PREEMPT_RT`; a [`RawSpinLock`](crate::raw_spinlock::RawSpinLock) it can.
pub trait Handler: Send + Sync + 'static {
    /// Serves one interrupt. Runs with interrupts off and may not sleep.
    fn handle(&self, irq: &HardIrq) -> IrqReturn;
}

/// A top half that the kernel may move into a thread.
///
/// That is what an ordinary driver asks for: its handler runs in hard IRQ
/// context, or with forced threading (`PREEMPT_RT`, `threadirqs`) in a thread of
/// the line. It may rely on neither, so there is no token. It can take `SpinLock`s on every kernel.
pub trait ThreadableHandler: Send + Sync + 'static {
    /// Serves one interrupt. May not sleep.
    fn handle(&self) -> IrqReturn;
}

/// A top half with a thread for the rest.
///
/// The line stays masked until the thread has finished (`IRQF_ONESHOT`), where
/// its flow can mask.
pub trait ThreadedHandler: Send + Sync + 'static {
    /// Serves one interrupt. Runs with interrupts off and may not sleep.
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn;

    /// Does the rest, in the line's own kernel thread (`irq/N-name`), which may sleep.
    fn handle_threaded(&self, task: &Task) -> IrqReturn;
}
