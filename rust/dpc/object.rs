// SPDX-License-Identifier: GPL-2.0

//! The DPC object: a routine with its queueing state.

use super::{
    entry::{
        Arguments,
        Entry, //
    },
    policy::Importance,
    system::System, //
};
use crate::{
    context::{
        Context,
        SoftIrq,
        Task,
        Unsleeping, //
    },
    cpu::CpuId,
    deferred::warn_unless_may_wait,
    nmi, //
};
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// What a DPC does.
pub trait Handler: Send + Sync + Sized + 'static {
    /// How it runs: [`Ordinary`] or [`Threaded`].
    type Kind: Kind;

    /// Runs once for each time that [`Dpc::insert`] returned true, unless it was removed. The
    /// DPC dereferences to the handler; it is in no queue now, and may insert itself again.
    /// Inserted on another CPU meanwhile, it also runs there at the same time.
    fn run(this: &Dpc<Self>, arguments: Arguments, context: &<Self::Kind as Kind>::Context);
}

/// How a DPC runs. Sealed: [`Ordinary`] and [`Threaded`].
pub trait Kind: private::Sealed {
    /// The context that it runs in.
    type Context: Context;

    #[doc(hidden)]
    const IS_THREADED: bool;
}

/// In the soft IRQ of its CPU.
pub enum Ordinary {}

/// In a thread of its CPU, which ordinary DPCs interrupt; or as an ordinary one, if
/// [`Parameters::threaded`](super::Parameters::threaded) says so. So it may not sleep.
///
/// ```
/// # use irqlab::{context::Unsleeping, cpu::CpuId, dpc::{Arguments, Dpc, Handler, Kind, Threaded}};
/// struct Sweep;
///
/// impl Handler for Sweep {
///     type Kind = Threaded;
///
///     fn run(_this: &Dpc<Self>, _arguments: Arguments, _context: &Unsleeping) {}
/// }
///
/// fn sweep_on(dpc: &Dpc<Sweep>, cpu: CpuId) -> bool {
///     dpc.set_target(Some(cpu));
///     dpc.insert(Arguments(0, 0))
/// }
///
/// /// Whether it has a thread to run in.
/// fn has_thread<T: Handler>(dpc: &Dpc<T>) -> bool {
///     <T::Kind as Kind>::IS_THREADED && dpc.system().parameters().threaded
/// }
///
/// # use kernel::prelude::*;
/// let system = irqlab::dpc::System::new()?;
/// let dpc = KBox::pin_init(Dpc::new(&system, Ok::<_, Error>(Sweep)), GFP_KERNEL)?;
/// # let cpu = irqlab::cpu::online().next().ok_or(ENXIO)?;
/// assert!(has_thread(&dpc) && sweep_on(&dpc, cpu));
/// system.flush(task)?;
/// assert!(system.threaded(cpu).nr_run >= 1);
/// ```
pub enum Threaded {}

mod private {
    pub trait Sealed {}
    impl Sealed for super::Ordinary {}
    impl Sealed for super::Threaded {}
}

impl Kind for Ordinary {
    type Context = SoftIrq;
    const IS_THREADED: bool = false;
}

impl Kind for Threaded {
    type Context = Unsleeping;
    const IS_THREADED: bool = true;
}

/// A DPC around its handler. Dropping it removes it and waits until it does not run.
///
/// ```
/// # use irqlab::{context::SoftIrq, dpc::{Arguments, Dpc, Handler, Importance, Ordinary, System}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Sum(Atomic<usize>);
///
/// impl Handler for Sum {
///     type Kind = Ordinary;
///
///     fn run(this: &Dpc<Self>, arguments: Arguments, _softirq: &SoftIrq) {
///         this.0.add(arguments.0, Relaxed);
///     }
/// }
///
/// let system = System::new()?;
/// let dpc = KBox::pin_init(Dpc::new(&system, Ok::<_, Error>(Sum(Atomic::new(0)))), GFP_KERNEL)?;
/// dpc.set_importance(Importance::High);
/// if !dpc.insert(Arguments(17, 0)) {
///     pr_info!("it is in a queue already\n");
/// }
/// system.flush(task)?;
/// assert_eq!(dpc.0.load(Relaxed), 17);
/// ```
///
/// # Invariants
///
/// `entry` has the callback for `T`, and lies in a `Dpc<T>`.
#[pin_data(PinnedDrop)]
pub struct Dpc<T: Handler> {
    #[pin]
    entry: Entry,
    #[pin]
    handler: T,
    // Last: the queues outlive what is in them.
    system: Arc<System>,
}

impl<T: Handler> Dpc<T> {
    /// An initialiser for a DPC of `system` that runs `handler`: of Medium importance, and
    /// without a target.
    pub fn new(system: &Arc<System>, handler: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        let system = system.clone();
        try_pin_init!(Self {
            // INVARIANT: The callback recovers the DPC from this very field.
            //
            // SAFETY: The callback asks for nothing else: `insert` puts the entry only into
            // queues of its kind.
            entry <- unsafe { Entry::new(Self::callback, core::any::type_name::<T>()) },
            handler <- handler,
            system,
        }? Error)
    }

    /// Sets how much it matters, from the next insertion on: `KeSetImportanceDpc`.
    pub fn set_importance(&self, importance: Importance) {
        self.entry.set_importance(importance);
    }

    /// Sets into which CPU's queue it goes, from the next insertion on; by default that of
    /// the CPU that inserts it: `KeSetTargetProcessorDpc`. While the CPU is offline, it runs
    /// on another one.
    pub fn set_target(&self, target: Option<CpuId>) {
        self.entry.set_target(target);
    }

    /// Puts it into its queue: `KeInsertQueueDpc`. Returns false, and changes nothing, if it
    /// is in one. May be called in any context but an NMI, where it is refused.
    #[inline]
    pub fn insert(&self, arguments: Arguments) -> bool {
        if nmi::is_refused() {
            return false;
        }
        let is_threaded = T::Kind::IS_THREADED && self.system.parameters().threaded;
        self.system.insert(&self.entry, is_threaded, arguments)
    }

    /// As `insert`, into the queue for threaded DPCs even if they are switched off.
    pub(super) fn insert_as_kind(&self) -> bool {
        self.system
            .insert(&self.entry, T::Kind::IS_THREADED, Arguments::default())
    }

    /// Removes it from its queue: `KeRemoveQueueDpc`. Returns whether it was in one; else it
    /// has run, or runs. May be called in any context but NMI.
    ///
    /// ```
    /// # use irqlab::{context::SoftIrq, dpc::{Arguments, Dpc, Handler, Ordinary, System}};
    /// # use kernel::prelude::*;
    /// # struct Quiet;
    /// # impl Handler for Quiet {
    /// #     type Kind = Ordinary;
    /// #     fn run(_this: &Dpc<Self>, _arguments: Arguments, _softirq: &SoftIrq) {}
    /// # }
    /// /// Unless it has begun.
    /// fn take_back<T: Handler>(dpc: &Dpc<T>) -> bool {
    ///     dpc.is_queued() && dpc.remove()
    /// }
    ///
    /// # let system = System::new()?;
    /// # let dpc = KBox::pin_init(Dpc::new(&system, Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
    /// assert!(!take_back(&dpc));
    /// # // It is drained when interrupts are on again.
    /// # let off = irqlab::interrupt::local_interrupt_disable();
    /// # dpc.set_target(Some(irqlab::cpu::CpuId::current()));
    /// dpc.insert(Arguments(0, 0));
    /// assert!(take_back(&dpc));
    /// # drop(off);
    /// ```
    #[inline]
    pub fn remove(&self) -> bool {
        self.system.remove(&self.entry)
    }

    /// Whether it is in a queue.
    pub fn is_queued(&self) -> bool {
        self.entry.is_queued()
    }

    /// The system that it is of.
    pub fn system(&self) -> &Arc<System> {
        &self.system
    }

    /// # Safety
    ///
    /// For `Entry::new` with the `entry` of a `Dpc<T>`, in the context of its kind.
    unsafe fn callback(entry: NonNull<Entry>, arguments: Arguments) {
        // SAFETY: By the type invariant `entry` lies in a `Dpc<T>`, which `drop` keeps until
        // this run is no longer counted.
        let this = unsafe { &*kernel::container_of!(entry.as_ptr(), Self, entry) };
        // SAFETY: Ordinary DPCs are only in queues that the soft IRQ drains; of a threaded
        // one nothing is promised but that it may not sleep.
        T::run(this, arguments, unsafe {
            <T::Kind as Kind>::Context::assume()
        });
    }
}

impl<T: Handler> Deref for Dpc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handler
    }
}

#[pinned_drop]
impl<T: Handler> PinnedDrop for Dpc<T> {
    fn drop(self: Pin<&mut Self>) {
        warn_unless_may_wait(false);
        self.entry.die();
        self.system.remove(&self.entry);
        // SAFETY: Dropping a DPC is only correct where one may sleep; who does it elsewhere was warned.
        self.entry.wait_until_unused(unsafe { Task::assume() });
    }
}
