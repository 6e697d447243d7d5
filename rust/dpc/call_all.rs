// SPDX-License-Identifier: GPL-2.0

//! A function that a DPC runs on each CPU, with points at which all wait for each other.

use super::{
    countdown::Countdown,
    entry::Arguments,
    object::{
        Dpc,
        Handler,
        Ordinary, //
    },
    policy::Importance,
    system::System, //
};
use crate::{
    bindings,
    clock::Limit,
    context::{
        SoftIrq,
        Task, //
    },
    cpu::{
        self,
        CpuId,
        HotplugExcluded, //
    },
    interrupt::local_interrupt_disable,
    scoped::{
        Borrowed,
        Told, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

/// What the function called on all CPUs is told.
pub struct Everywhere<'a> {
    /// The CPU that it runs on.
    pub cpu: CpuId,
    /// The context.
    pub softirq: &'a SoftIrq,
    shared: &'a Shared,
}

impl Told for Everywhere<'_> {
    type For<'a> = Everywhere<'a>;
}

impl Everywhere<'_> {
    /// Waits, spinning, until all CPUs have come to this point: `KeSignalCallDpcSynchronize`.
    /// Returns true on one of them, the last.
    ///
    /// All must call it equally often, and none may wait for what a task does that another one
    /// interrupts. A CPU that has waited for a second gives up.
    ///
    /// Errors: `ETIMEDOUT` if a CPU has given up, here or earlier in the same call.
    pub fn synchronize(&self) -> Result<bool> {
        /// How long a CPU may be kept from everything else.
        const PATIENCE_NS: u64 = 1_000_000_000;

        let shared = self.shared;
        if shared.is_given_up.load(Acquire) {
            return Err(ETIMEDOUT);
        }
        let round = shared.round.load(Acquire);
        let nr_arrived = shared.nr_arrived.fetch_add(1, Full).wrapping_add(1);
        if nr_arrived == shared.nr_cpus {
            shared.nr_arrived.store(0, Relaxed);
            shared.round.store(round.wrapping_add(1), Release);
            return Ok(true);
        }
        let mut limit = Limit::ns(PATIENCE_NS);
        while shared.round.load(Acquire) == round {
            if limit.has_passed() {
                shared.is_given_up.store(true, Release);
            }
            if shared.is_given_up.load(Acquire) {
                return Err(ETIMEDOUT);
            }
            core::hint::spin_loop();
        }
        Ok(false)
    }
}

/// What the DPCs of one call share.
struct Shared {
    nr_cpus: u32,
    /// How many have come to the point where they wait.
    nr_arrived: Atomic<u32>,
    /// How often all have.
    round: Atomic<u32>,
    /// One has waited too long.
    is_given_up: Atomic<bool>,
    /// How many have yet to return: each calls `KeSignalCallDpcDone` by returning.
    missing: Countdown,
}

struct Part {
    cpu: CpuId,
    shared: Arc<Shared>,
    f: Borrowed<Everywhere<'static>>,
}

impl Handler for Part {
    type Kind = Ordinary;

    fn run(this: &Dpc<Self>, _arguments: Arguments, softirq: &SoftIrq) {
        let everywhere = Everywhere {
            cpu: this.cpu,
            softirq,
            shared: &this.shared,
        };
        // SAFETY: `call_all` has made it from a closure that it keeps where it is until it has
        // waited for this.
        unsafe { this.f.call(&everywhere) };
        this.shared.missing.count_down();
    }
}

/// While it lives nobody else's call has CPUs wait for each other: two calls at a time could
/// have each CPU wait in one for a CPU that waits in the other.
struct OnlyCall;

impl OnlyCall {
    fn new(_task: &Task) -> Self {
        // SAFETY: The token proves that this may sleep.
        unsafe { bindings::dpc_call_lock() };
        Self
    }
}

impl Drop for OnlyCall {
    fn drop(&mut self) {
        // SAFETY: Locked when this was made, by this task: it does not leave `call_all`.
        unsafe { bindings::dpc_call_unlock() };
    }
}

impl System {
    /// Runs `f` on every CPU that is online, each in a DPC of its own, and returns when all
    /// have: `KeGenericCallDpc`. Returns on how many.
    ///
    /// Errors: `ENOMEM`, before anything runs; `ETIMEDOUT`, after all have returned, if a CPU
    /// has waited for others in vain.
    ///
    /// ```
    /// # use irqlab::{context::Task, dpc::System};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// /// Returns how often it was changed.
    /// fn change_what_all_use(system: &Arc<System>, task: &Task) -> Result<u32> {
    ///     let nr_changes = Atomic::new(0u32);
    ///     system.call_all(task, |everywhere| {
    ///         // From here on no CPU uses it.
    ///         if everywhere.synchronize() == Ok(true) {
    ///             pr_info!("CPU {} changes it\n", everywhere.cpu.as_u32());
    ///             nr_changes.add(1, Relaxed);
    ///         }
    ///         // The others wait here until it has. Who called learns if that takes too long.
    ///         let _ = everywhere.synchronize();
    ///     })?;
    ///     Ok(nr_changes.load(Relaxed))
    /// }
    ///
    /// let system = System::new()?;
    /// let nr_changes = change_what_all_use(&system, task);
    /// # if nr_changes == Err(ETIMEDOUT) { skip!("a CPU was held for a second") }
    /// assert_eq!(nr_changes, Ok(1));
    /// ```
    pub fn call_all<F: Fn(&Everywhere<'_>) + Sync>(
        self: &Arc<Self>,
        task: &Task,
        f: F,
    ) -> Result<u32> {
        let _hotplug = HotplugExcluded::new(task);
        let _only = OnlyCall::new(task);
        let nr_cpus = cpu::online().count() as u32;
        let shared = Shared {
            nr_cpus,
            nr_arrived: Atomic::new(0),
            round: Atomic::new(0),
            is_given_up: Atomic::new(false),
            missing: Countdown::new(nr_cpus),
        };
        let shared = Arc::new(shared, GFP_KERNEL)?;
        let mut parts = KVec::new();
        for cpu in cpu::online() {
            let part = Part {
                cpu,
                shared: shared.clone(),
                f: Borrowed::<Everywhere<'static>>::new(&f),
            };
            let part = KBox::pin_init(Dpc::new(self, Ok(part)), GFP_KERNEL)?;
            part.set_target(Some(cpu));
            part.set_importance(Importance::High);
            parts.push(part, GFP_KERNEL)?;
        }
        {
            // The own CPU must not begin to wait for the others, in an interrupt of this task,
            // before theirs are inserted.
            let _off = local_interrupt_disable();
            for part in &parts {
                part.insert(Arguments::default());
            }
        }
        shared.missing.wait(task);
        if shared.is_given_up.load(Acquire) {
            return Err(ETIMEDOUT);
        }
        Ok(nr_cpus)
    }
}
