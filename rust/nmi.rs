// SPDX-License-Identifier: GPL-2.0

//! Non-maskable interrupts: a function called in one, on a CPU of one's choice.
//!
//! C header: [`arch/x86/include/asm/nmi.h`](srctree/arch/x86/include/asm/nmi.h)

use crate::{
    bindings,
    clock,
    context::{
        Context,
        Nmi,
        Task, //
    },
    cpu::{
        CpuId,
        HotplugExcluded, //
    },
    exception::Registers,
    interrupt::local_interrupt_disable,
    scoped::Slot, //
};
use core::arch::asm;
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
};

/// Whether the caller is in an NMI, and has to refuse what it was asked for: an NMI comes also while C's
/// functions change the lists that the same functions would change here. The first one is warned of. The kernel
/// takes breakpoints in its own code for NMIs too, as they may be anywhere.
#[inline]
pub(crate) fn is_refused() -> bool {
    extern "C" {
        static __preempt_count: c_ulong;
    }

    // SAFETY: Reads the lower half of this CPU's count, which the kernel exports, and changes flags only. Whatever
    // else changes the count meanwhile has changed it back when this goes on.
    unsafe {
        asm!(
            "test dword ptr gs:[rip + {count}], {nmi}",
            "jnz {refuse}",
            count = sym __preempt_count,
            nmi = const bindings::NMI_MASK as i32,
            refuse = label {
                warn();
                return true;
            },
            options(nostack, readonly)
        );
    }
    false
}

#[cold]
fn warn() {
    // SAFETY: May be called in an NMI, as the kernel can log there.
    unsafe { bindings::warn_of_nmi() };
}

/// What the handler of an NMI knows.
pub struct Interrupted<'a> {
    /// That this is an NMI.
    pub nmi: &'a Nmi,
    /// What the CPU did before.
    pub registers: Registers,
}

/// The one sender that there can be: an NMI does not say whom it is for.
static IS_TAKEN: Atomic<bool> = Atomic::new(false);
/// The CPU that an NMI was sent to and has yet to reach, plus 1.
static TARGET: Atomic<u32> = Atomic::new(0);
/// What is to be called there.
static SLOT: Slot<Interrupted<'static>> = Slot::new();

/// Sends NMIs. There can be one at a time. Dropping it takes its handler away.
///
/// ```
/// # use irqlab::{context::{Kind, Snapshot, Task}, nmi::Sender};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// fn interrupts_are_off_but_it_comes(task: &Task) -> Result<bool> {
///     let sender = Sender::new(task)?;
///     let is_nmi = Atomic::new(false);
///     sender.call_here(&|_interrupted| {
///         is_nmi.store(Snapshot::take().kind() == Kind::Nmi, Relaxed);
///     })?;
///     Ok(is_nmi.load(Relaxed))
/// }
///
/// # if !irqlab::lapic::is_used() { skip!("no local APIC") }
/// assert!(interrupts_are_off_but_it_comes(task)?);
/// ```
///
/// # Invariants
///
/// `IS_TAKEN` is, and the handler is registered.
pub struct Sender(());

impl Sender {
    /// Registers the handler.
    ///
    /// Errors: `EBUSY` if there is a sender.
    pub fn new(_task: &Task) -> Result<Self> {
        if IS_TAKEN.xchg(true, Full) {
            return Err(EBUSY);
        }
        // SAFETY: The handler stays until `drop` has unregistered it.
        to_result(unsafe { bindings::register_nmi(Some(handle)) })
            .inspect_err(|_| IS_TAKEN.store(false, Release))?;
        // INVARIANT: Both just done.
        Ok(Self(()))
    }

    /// Calls `f` in an NMI of this CPU, with interrupts off when it arrives.
    ///
    /// Errors: `EBUSY` if another is on its way, `ETIMEDOUT` if it does not arrive.
    pub fn call_here(&self, f: &(dyn Fn(&Interrupted<'_>) + Sync)) -> Result {
        let _guard = local_interrupt_disable();
        self.call(CpuId::current(), f)
    }

    /// Calls `f` in an NMI of `cpu`. Spins until it has returned.
    ///
    /// Errors: as [`Self::call_here`], and `ENXIO` if the CPU is offline.
    ///
    /// ```
    /// # use irqlab::{context::Task, cpu::CpuId, nmi::Sender};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// /// Where `cpu` is now, even if it has interrupts off.
    /// fn where_is(cpu: CpuId, sender: &Sender, task: &Task) -> Result<usize> {
    ///     let ip = Atomic::new(0usize);
    ///     sender.call_on(cpu, task, &|interrupted| ip.store(interrupted.registers.ip, Relaxed))?;
    ///     Ok(ip.load(Relaxed))
    /// }
    ///
    /// # if !irqlab::lapic::is_used() { skip!("no local APIC") }
    /// let sender = Sender::new(task)?;
    /// assert!(where_is(CpuId::current(), &sender, task)? != 0);
    /// ```
    pub fn call_on(
        &self,
        cpu: CpuId,
        task: &Task,
        f: &(dyn Fn(&Interrupted<'_>) + Sync),
    ) -> Result {
        self.call_on_while(&HotplugExcluded::new(task), cpu, f)
    }

    /// As [`Self::call_on`], where CPUs stay as they are already.
    ///
    /// ```
    /// # use irqlab::{context::Task, cpu::{self, HotplugExcluded}, nmi::Sender};
    /// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
    /// fn one_each(sender: &Sender, task: &Task) -> Result<bool> {
    ///     let guard = HotplugExcluded::new(task);
    ///     let nr_nmis = Atomic::new(0usize);
    ///     for cpu in cpu::online() {
    ///         sender.call_on_while(&guard, cpu, &|_interrupted| nr_nmis.add(1, Relaxed))?;
    ///     }
    ///     Ok(nr_nmis.load(Relaxed) == cpu::online().count())
    /// }
    ///
    /// # if !irqlab::lapic::is_used() { skip!("no local APIC") }
    /// assert!(one_each(&Sender::new(task)?, task)?);
    /// // There can be one sender at a time.
    /// let first = Sender::new(task)?;
    /// assert_eq!(Sender::new(task).err(), Some(EBUSY));
    /// ```
    pub fn call_on_while(
        &self,
        _guard: &HotplugExcluded,
        cpu: CpuId,
        f: &(dyn Fn(&Interrupted<'_>) + Sync),
    ) -> Result {
        if !crate::cpu::is_online(cpu) {
            return Err(ENXIO);
        }
        self.call(cpu, f)
    }

    fn call(&self, cpu: CpuId, f: &(dyn Fn(&Interrupted<'_>) + Sync)) -> Result {
        const PATIENCE_NS: u64 = 2_000_000_000;

        // Refused while one is on its way that was waited for in vain: it would call the new function, at
        // the old place.
        let target = || {
            let before = TARGET.cmpxchg(0, cpu.as_u32() + 1, Full);
            before.map(|_| ()).map_err(|_| EBUSY)
        };
        SLOT.lend_after(target, f, || {
            // SAFETY: The CPU is online, and has a handler that expects it.
            unsafe { bindings::send_nmi(cpu.as_u32()) };
            clock::spin_until(PATIENCE_NS, || SLOT.is_done());
        })
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // One that is on its way, as `call` gave up waiting, would find no handler, and
        // the kernel would take it for a fault of the hardware.
        const TRIES: usize = 10_000;
        for _ in 0..TRIES {
            if TARGET.load(Acquire) == 0 {
                break;
            }
            // SAFETY: Dropping a sender is only correct where one may sleep; the C
            // side warns otherwise.
            unsafe { bindings::msleep(1) };
        }
        // SAFETY: Registered by the type invariant. Waits for calls to end.
        unsafe { bindings::unregister_nmi() };
        TARGET.store(0, Relaxed);
        IS_TAKEN.store(false, Release);
    }
}

/// Whether the NMI is the one that was sent here.
///
/// # Safety
///
/// For the NMI's entry, with valid `regs`.
unsafe extern "C" fn handle(regs: *mut bindings::pt_regs) -> bool {
    let here = CpuId::current().as_u32() + 1;
    if TARGET.cmpxchg(here, 0, Full).is_err() {
        return false;
    }
    let interrupted = Interrupted {
        // SAFETY: This is an NMI.
        nmi: unsafe { Nmi::assume() },
        // SAFETY: By this function's contract.
        registers: unsafe { Registers::of(regs) },
    };
    SLOT.run(&interrupted);
    true
}
