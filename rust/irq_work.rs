// SPDX-License-Identifier: GPL-2.0

//! IRQ work: a function that this CPU runs in hard IRQ context, as soon as it can.
//!
//! What NMI handlers and code with interrupts off use to get out: the CPU sends
//! an interrupt to itself, which runs as soon as interrupts are on again. Lazy
//! work saves that interrupt, and waits for the next timer tick. So does all IRQ work of a CPU
//! that has no local APIC (`nolapic`). The kernel lets modules queue it on their own CPU only:
//! [`Csd`](crate::smp::Csd) is for others.
//!
//! C header: [`include/linux/irq_work.h`](srctree/include/linux/irq_work.h)

use crate::{
    bindings,
    context::{
        Context,
        HardIrq,
        Unsleeping, //
    },
    deferred::{
        self,
        Deferred, //
    },
};
use core::marker::PhantomData;
use kernel::prelude::*;

pub use crate::deferred::Handler;

/// When IRQ work is to run. Sealed: [`Now`] and [`Lazy`].
///
/// ```
/// # use irqlab::{context::HardIrq, irq_work::{Handler, IrqWork, Kind, Now, When}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// # struct Count(Arc<Atomic<u32>>);
/// # impl Handler<Kind<Now>> for Count {
/// #     fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
/// #         this.0.add(1, Relaxed);
/// #     }
/// # }
/// fn queue_all<W: When, T: Handler<Kind<W>>>(all: &[&IrqWork<T, W>]) -> usize {
///     all.iter().filter(|work| work.queue()).count()
/// }
///
/// # let nr_runs = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
/// # let work = || KBox::pin_init(IrqWork::new(Ok::<_, Error>(Count(nr_runs.clone()))), GFP_KERNEL);
/// let (one, other) = (work()?, work()?);
/// assert_eq!(queue_all(&[&one, &other]), 2);
/// drop((one, other));
/// assert_eq!(nr_runs.load(Relaxed), 2);
/// ```
pub trait When: private::Sealed + 'static {
    /// The context in which it does.
    type Context: Context;

    #[doc(hidden)]
    const FLAGS: u32;
}

/// At once, by an interrupt of its own: in hard IRQ context on every kernel.
pub enum Now {}

/// At the next timer tick of this CPU, which an idle CPU may have stopped. On
/// `PREEMPT_RT` in a thread.
///
/// ```
/// # use irqlab::{context::Unsleeping, irq_work::{Handler, IrqWork, Kind, Lazy}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct AtTick(Arc<Atomic<u32>>);
///
/// impl Handler<Kind<Lazy>> for AtTick {
///     fn run(this: &IrqWork<Self, Lazy>, _context: &Unsleeping) {
///         this.0.add(1, Relaxed);
///     }
/// }
///
/// # let nr_runs = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
/// # let at_tick = Ok::<_, Error>(AtTick(nr_runs.clone()));
/// let work: Pin<KBox<IrqWork<_, Lazy>>> = KBox::pin_init(IrqWork::new(at_tick), GFP_KERNEL)?;
/// work.queue();
/// drop(work);
/// assert_eq!(nr_runs.load(Relaxed), 1);
/// ```
pub enum Lazy {}

mod private {
    pub trait Sealed {}
    impl Sealed for super::Now {}
    impl Sealed for super::Lazy {}
}

impl When for Now {
    type Context = HardIrq;
    const FLAGS: u32 = bindings::IRQ_WORK_HARD_IRQ;
}

impl When for Lazy {
    type Context = Unsleeping;
    const FLAGS: u32 = bindings::IRQ_WORK_LAZY;
}

/// Whether a CPU can interrupt itself for IRQ work. Without a local APIC it cannot, and all of it waits
/// for the next timer tick.
///
/// ```
/// # use irqlab::irq_work;
/// fn latest_ns(tick_ns: u64) -> u64 {
///     if irq_work::has_interrupt() { 0 } else { tick_ns }
/// }
///
/// assert!(latest_ns(4_000_000) <= 4_000_000);
/// ```
pub fn has_interrupt() -> bool {
    // SAFETY: Reads what the boot CPU can do.
    unsafe { bindings::irq_work_has_interrupt() }
}

/// IRQ work around its handler, which runs at `W`.
///
/// ```
/// # use irqlab::{context::{HardIrq, Kind as Where, Snapshot}, irq_work::{Handler, IrqWork, Kind, Now}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// /// Notes whether it runs in hard IRQ context.
/// struct Note(Arc<Atomic<bool>>);
///
/// impl Handler<Kind<Now>> for Note {
///     fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
///         this.0.store(Snapshot::take().kind() == Where::HardIrq, Relaxed);
///     }
/// }
///
/// let is_there = Arc::new(Atomic::new(false), GFP_KERNEL)?;
/// let note = Note(is_there.clone());
/// let work = KBox::pin_init(IrqWork::new(Ok::<_, Error>(note)), GFP_KERNEL)?;
/// work.queue();
/// // Waits until it has run.
/// drop(work);
/// assert!(is_there.load(Relaxed));
/// ```
pub type IrqWork<T, W = Now> = Deferred<Kind<W>, T>;

/// The kind of deferral that IRQ work which runs at `W` is.
pub struct Kind<W>(PhantomData<fn(&W)>);

// SAFETY: The flags of IRQ work are changed by atomic operations only. `irq_work_sync()` waits until it
// is not busy, which it is from when it is queued until its handler has ended and has not queued it
// again: once it is dying it is not, and there is nobody else who could.
unsafe impl<W: When> deferred::Kind for Kind<W> {
    type Raw = bindings::irq_work;
    type Own = ();
    type Context = W::Context;

    unsafe fn stop<T>(this: &IrqWork<T, W>) {
        this.wait();
    }
}

// SAFETY: C's function asks for no more, and locks for itself.
unsafe impl<W: When> deferred::Flush for Kind<W> {
    type Told = ();
    const FLUSH: unsafe extern "C" fn(*mut Self::Raw) = bindings::irq_work_sync;
}

impl<T, W: When> IrqWork<T, W> {
    /// Waits until the work neither is queued nor runs. For those who may sleep.
    pub(crate) fn wait(&self) {
        // SAFETY: It is set up. Waiting is only correct where one may sleep; the C side warns
        // otherwise.
        unsafe { bindings::irq_work_sync(self.raw()) };
    }
}

impl<T: Handler<Kind<W>>, W: When> IrqWork<T, W> {
    /// An initialiser for work that runs `handler`.
    pub fn new(handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        // SAFETY: The callback is for this type; the place is as `irq_work_init()` wants it. By its
        // flags it runs in the context of `W`.
        unsafe {
            Self::with((), handler, |raw| {
                bindings::irq_work_init(raw, Some(Self::run), W::FLAGS)
            })
        }
    }

    /// Runs the work on this CPU. Returns whether it was idle. May be called in any context, NMI
    /// included.
    #[inline]
    pub fn queue(&self) -> bool {
        // SAFETY: It is set up, and lives until `stop` has waited for it.
        !self.is_dying() && unsafe { bindings::irq_work_queue(self.raw()) }
    }
}
