// SPDX-License-Identifier: GPL-2.0

//! A function called in a context of one's choice, and waited for.

use super::{
    HardIrq,
    Kind,
    Snapshot,
    SoftIrq,
    Task, //
};
use crate::{
    clock::Limit,
    context::BottomHalvesDisabled,
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
    nmi,
    scoped::Slot,
    tasklet::{
        self,
        Tasklet, //
    },
};
use kernel::prelude::*;

/// Calls functions in any of the four contexts.
///
/// ```
/// # use irqlab::context::{Caller, Kind, Snapshot, Task};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// fn all_are_reached(task: &Task) -> Result<bool> {
///     let caller = Caller::new(task)?;
///     let right = Atomic::new(0);
///     for kind in Kind::ALL {
///         caller.call(kind, task, &|| {
///             right.add(i32::from(Snapshot::take().kind() == kind), Relaxed);
///         })?;
///     }
///     Ok(right.load(Relaxed) == 4)
/// }
///
/// # if !irqlab::lapic::is_used() { skip!("NMIs take a local APIC") }
/// assert!(all_are_reached(task)?);
/// ```
pub struct Caller {
    softirq: Pin<KBox<Tasklet<Callee>>>,
    hardirq: Pin<KBox<IrqWork<Callee>>>,
    nmi: nmi::Sender,
}

/// What is to be called.
struct Callee(Slot<()>);

impl tasklet::Handler<tasklet::Kind> for Callee {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.run(&());
    }
}

impl irq_work::Handler<irq_work::Kind<Now>> for Callee {
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        this.0.run(&());
    }
}

impl Caller {
    /// Errors: `EBUSY` if somebody else sends NMIs, `ENOMEM`.
    pub fn new(task: &Task) -> Result<Self> {
        Ok(Self {
            softirq: KBox::pin_init(Tasklet::new(Ok(Callee(Slot::new()))), GFP_KERNEL)?,
            hardirq: KBox::pin_init(IrqWork::new(Ok(Callee(Slot::new()))), GFP_KERNEL)?,
            nmi: nmi::Sender::new(task)?,
        })
    }

    /// Calls `f` in a context of this kind, and returns when `f` has. An interrupt is
    /// one of the current task, but for the soft IRQ on `PREEMPT_RT`, which another
    /// task may serve.
    ///
    /// Errors: `EBUSY` if it calls something there already, `ETIMEDOUT` if the
    /// interrupt does not come.
    pub fn call(&self, kind: Kind, task: &Task, f: &(dyn Fn() + Sync)) -> Result {
        match kind {
            Kind::Task => {
                f();
                Ok(())
            }
            Kind::SoftIrq => self.softirq.0.lend(&|()| f(), || {
                {
                    // It is served when the guard goes, by this task.
                    let _guard = BottomHalvesDisabled::new(task);
                    self.softirq.schedule();
                }
                Self::wait(&self.softirq.0, || task.sleep_us(50, 100));
            }),
            Kind::HardIrq => self.call_in_hardirq(f),
            Kind::Nmi => self.call_in_nmi(f),
        }
    }

    /// Calls `f` in a hard IRQ that interrupts the caller, in whatever context that is.
    ///
    /// Errors: as [`Self::call`], and `EPERM` if interrupts are off.
    ///
    /// ```
    /// # use irqlab::context::{Caller, Snapshot};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// fn hardirqs_deep(caller: &Caller) -> Result<u32> {
    ///     let depth = Atomic::new(0u32);
    ///     caller.call_in_hardirq(&|| depth.store(Snapshot::take().hardirq_depth(), Relaxed))?;
    ///     Ok(depth.load(Relaxed))
    /// }
    ///
    /// # if !irqlab::lapic::is_used() { skip!("NMIs take a local APIC") }
    /// let caller = Caller::new(task)?;
    /// assert_eq!(hardirqs_deep(&caller)?, 1);
    /// ```
    pub fn call_in_hardirq(&self, f: &(dyn Fn() + Sync)) -> Result {
        if Snapshot::take().irqs_disabled {
            return Err(EPERM);
        }
        self.hardirq.0.lend(&|()| f(), || {
            self.hardirq.queue();
            Self::wait(&self.hardirq.0, core::hint::spin_loop);
        })
    }

    /// Calls `f` in an NMI that interrupts the caller, in whatever context that is.
    ///
    /// Errors: as [`Self::call`].
    ///
    /// ```
    /// # use irqlab::context::{Caller, Snapshot};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// fn nmis_deep(caller: &Caller) -> Result<u32> {
    ///     let depth = Atomic::new(0u32);
    ///     caller.call_in_nmi(&|| depth.store(Snapshot::take().nmi_depth(), Relaxed))?;
    ///     Ok(depth.load(Relaxed))
    /// }
    ///
    /// # if !irqlab::lapic::is_used() { skip!("NMIs take a local APIC") }
    /// let caller = Caller::new(task)?;
    /// assert_eq!(nmis_deep(&caller)?, 1);
    /// ```
    pub fn call_in_nmi(&self, f: &(dyn Fn() + Sync)) -> Result {
        self.nmi.call_here(&|_interrupted| f())
    }

    fn wait(slot: &Slot<()>, meanwhile: impl Fn()) {
        const PATIENCE_NS: u64 = 2_000_000_000;

        let mut limit = Limit::ns(PATIENCE_NS);
        while !slot.is_done() && !limit.has_passed() {
            meanwhile();
        }
    }
}
