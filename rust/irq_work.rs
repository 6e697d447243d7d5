// SPDX-License-Identifier: GPL-2.0

//! IRQ work: a function that this CPU runs in hard IRQ context, as soon as it can.
//!
//! What NMI handlers and code with interrupts off use to get out: the CPU sends
//! an interrupt to itself, which runs as soon as interrupts are on again. Lazy
//! work saves that interrupt, and waits for the next timer tick. So does all IRQ work of a CPU
//! that has no local APIC (`nolapic`).
//!
//! C header: [`include/linux/irq_work.h`](srctree/include/linux/irq_work.h)

use crate::{
    bindings,
    context::{
        Context,
        HardIrq,
        Unsleeping, //
    },
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    types::Opaque,
};

/// What IRQ work does.
pub trait Handler: Send + Sync + Sized + 'static {
    /// When it runs: [`Now`] or [`Lazy`].
    type When: When;

    /// Runs once for every time that [`IrqWork::queue`] returned true. The work
    /// dereferences to the handler, and may queue itself again.
    fn run(this: &IrqWork<Self>, context: &<Self::When as When>::Context);
}

/// When IRQ work is to run. Sealed: [`Now`] and [`Lazy`].
pub trait When: private::Sealed {
    /// The context in which it does.
    type Context: Context;

    #[doc(hidden)]
    const FLAGS: u32;
}

/// At once, by an interrupt of its own: in hard IRQ context on every kernel.
pub enum Now {}

/// At the next timer tick of this CPU, which an idle CPU may have stopped. On
/// `PREEMPT_RT` in a thread.
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
pub fn has_interrupt() -> bool {
    // SAFETY: Reads what the boot CPU can do.
    unsafe { bindings::irq_work_has_interrupt() }
}

/// IRQ work around its handler. Dropping it waits for it.
///
/// ```
/// # use irqlab::{context::HardIrq, irq_work::{Handler, IrqWork, Now}};
/// # use kernel::prelude::*;
/// struct Note;
///
/// impl Handler for Note {
///     type When = Now;
///
///     fn run(_this: &IrqWork<Self>, _irq: &HardIrq) {
///         pr_info!("in hard IRQ context\n");
///     }
/// }
///
/// fn note() -> Result<Pin<KBox<IrqWork<Note>>>> {
///     let work = KBox::pin_init(IrqWork::new(Ok::<_, Error>(Note)), GFP_KERNEL)?;
///     work.queue();
///     Ok(work)
/// }
/// ```
///
/// # Invariants
///
/// `raw` is set up with the callback for `T`, and lies in an `IrqWork<T>`.
#[pin_data(PinnedDrop)]
pub struct IrqWork<T: Handler> {
    #[pin]
    raw: Opaque<bindings::irq_work>,
    // Set by `drop`, so that a handler that queues itself comes to an end.
    is_dying: Atomic<bool>,
    #[pin]
    handler: T,
}

// SAFETY: The C side may be called from any context and CPU; the handler is `Send`.
unsafe impl<T: Handler> Send for IrqWork<T> {}
// SAFETY: A shared reference gives `raw` only to functions of the C side that may be called on
// several CPUs at once, as its flags are atomic; so is `is_dying`; the handler is `Sync`.
unsafe impl<T: Handler> Sync for IrqWork<T> {}

impl<T: Handler> IrqWork<T> {
    /// An initialiser for work that runs `handler`.
    pub fn new(handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler <- handler,
            is_dying: Atomic::new(false),
            // INVARIANT: The callback recovers the work from this very field.
            raw <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writes, and stays where it is.
                unsafe { bindings::irq_work_init(slot, Some(Self::callback), T::When::FLAGS) };
            }),
        })
    }

    /// Runs the work on this CPU. Returns false, and changes nothing, if it is
    /// pending already. May be called in any context, NMI included.
    #[inline]
    pub fn queue(&self) -> bool {
        if self.is_dying.load(Relaxed) {
            return false;
        }
        // SAFETY: `raw` is set up, and valid until `drop` has waited for it.
        unsafe { bindings::irq_work_queue(self.raw.get()) }
    }

    /// Waits until the work neither is pending nor runs. For those who may sleep.
    pub(crate) fn wait(&self) {
        // SAFETY: `raw` is set up. Waiting is only correct where one may sleep; the C side
        // warns otherwise.
        unsafe { bindings::irq_work_sync(self.raw.get()) };
    }

    /// # Safety
    ///
    /// For `irq_work_init` with the `raw` of an `IrqWork<T>`.
    unsafe extern "C" fn callback(raw: *mut bindings::irq_work) {
        // SAFETY: By the type invariant `raw` lies in an `IrqWork<T>`; `drop`
        // waits for this function before it goes.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(raw).cast_mut(), Self, raw) };
        // SAFETY: The flags of `T::When` have it run in that context.
        T::run(this, unsafe { <T::When as When>::Context::assume() });
    }
}

impl<T: Handler> Deref for IrqWork<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for IrqWork<T> {
    fn drop(self: Pin<&mut Self>) {
        self.is_dying.store(true, Relaxed);
        // Twice: a handler that passed the check before may have queued the
        // work once more while it ran.
        for _ in 0..2 {
            self.wait();
        }
    }
}
