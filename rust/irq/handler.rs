// SPDX-License-Identifier: GPL-2.0

//! What a driver puts on a line: a top half, one that may be forced into a thread, or one with a thread.
//!
//! C header: [`include/linux/irqreturn.h`](srctree/include/linux/irqreturn.h)

use crate::{
    bindings,
    compat::irqreturn,
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
            IrqReturn::None => irqreturn(bindings::IRQ_NONE),
            IrqReturn::Handled => irqreturn(bindings::IRQ_HANDLED),
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
            ThreadedIrqReturn::None => irqreturn(bindings::IRQ_NONE),
            ThreadedIrqReturn::Handled => irqreturn(bindings::IRQ_HANDLED),
            ThreadedIrqReturn::WakeThread => irqreturn(bindings::IRQ_WAKE_THREAD),
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
///
/// ```
/// # use irqlab::irq::{IrqReturn, Line, Registration, Sharing, ThreadableHandler};
/// # use irqlab::irq_chip::{Domain, Flow, Transparent};
/// # use kernel::{prelude::*, sync::{Arc, SpinLock}};
/// #[pin_data]
/// struct Ring {
///     #[pin]
///     nr_done: SpinLock<u64>,
/// }
///
/// impl ThreadableHandler for Ring {
///     fn handle(&self) -> IrqReturn {
///         *self.nr_done.lock() += 1;
///         IrqReturn::Handled
///     }
/// }
///
/// fn listen(line: &Arc<Line>) -> Result<Arc<Registration<Ring>>> {
///     let ring = try_pin_init!(Ring { nr_done <- kernel::new_spinlock!(0) });
///     line.request_threadable(Sharing::Shared, c"ring", ring)
/// }
///
/// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
/// let listening = listen(line.line())?;
/// line.send()?;
/// # eventually!(task, line.line().nr_interrupts()? > 0);
/// // A moment later:
/// assert_eq!(line.line().nr_interrupts()?, 1);
/// ```
pub trait ThreadableHandler: Send + Sync + 'static {
    /// Serves one interrupt. May not sleep.
    fn handle(&self) -> IrqReturn;
}

/// A top half with a thread for the rest.
///
/// The line stays masked until the thread has finished (`IRQF_ONESHOT`), where
/// its flow can mask.
///
/// ```
/// # use irqlab::{context::{HardIrq, Task}, irq::{IrqReturn, Line, Registration, Sharing}};
/// # use irqlab::irq::{ThreadedHandler, ThreadedIrqReturn};
/// # use irqlab::irq_chip::{Domain, Flow, Transparent};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// /// Counts what it has read.
/// struct Sensor(Atomic<u32>);
///
/// impl ThreadedHandler for Sensor {
///     fn handle(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
///         ThreadedIrqReturn::WakeThread
///     }
///
///     fn handle_threaded(&self, task: &Task) -> IrqReturn {
///         task.sleep_ms(1);
///         self.0.add(1, Relaxed);
///         IrqReturn::Handled
///     }
/// }
///
/// fn listen(line: &Arc<Line>) -> Result<Arc<Registration<Sensor>>> {
///     line.request_threaded(Sharing::Exclusive, c"sensor", Ok::<_, Error>(Sensor(Atomic::new(0))))
/// }
///
/// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
/// let listening = listen(line.line())?;
/// line.send()?;
/// # eventually!(task, listening.handler().0.load(Relaxed) > 0);
/// // A moment later:
/// assert_eq!(listening.handler().0.load(Relaxed), 1);
/// ```
pub trait ThreadedHandler: Send + Sync + 'static {
    /// Serves one interrupt. Runs with interrupts off and may not sleep.
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn;

    /// Does the rest, in the line's own kernel thread (`irq/N-name`), which may sleep.
    fn handle_threaded(&self, task: &Task) -> IrqReturn;
}
