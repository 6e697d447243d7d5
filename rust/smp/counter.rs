// SPDX-License-Identifier: GPL-2.0

//! The kernel's own counts of interrupts that have a vector of their own.
//!
//! The same numbers as in `/proc/interrupts`. Both vectors for calls share one count, and
//! calls may share an interrupt.
//!
//! C header: [`arch/x86/include/asm/hardirq.h`](srctree/arch/x86/include/asm/hardirq.h)

use crate::{
    bindings,
    cpu::CpuId, //
};

/// A count for each CPU. Wraps at 2^32: use `wrapping_sub` for differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Non-maskable interrupts.
    Nmi,
    /// Local timer interrupts.
    LocalTimer,
    /// IRQ work.
    IrqWork,
    /// Reschedule IPIs.
    Reschedule,
    /// Function call IPIs.
    CallFunction,
    /// TLB shootdowns: calls that the kernel made to flush a TLB, which count as function
    /// calls too, and its own flushes for others.
    Tlb,
}

impl Counter {
    /// All of them.
    pub const ALL: [Counter; 6] = [
        Counter::Nmi,
        Counter::LocalTimer,
        Counter::IrqWork,
        Counter::Reschedule,
        Counter::CallFunction,
        Counter::Tlb,
    ];

    /// Its name in `/proc/interrupts`.
    ///
    /// ```
    /// # use irqlab::{cpu::CpuId, smp::Counter};
    /// # use kernel::prelude::*;
    /// for counter in Counter::ALL {
    ///     pr_info!("{}: {}\n", counter.symbol(), counter.on(CpuId::current()));
    /// }
    /// ```
    pub const fn symbol(self) -> &'static str {
        match self {
            Counter::Nmi => "NMI",
            Counter::LocalTimer => "LOC",
            Counter::IrqWork => "IWI",
            Counter::Reschedule => "RES",
            Counter::CallFunction => "CAL",
            Counter::Tlb => "TLB",
        }
    }

    /// How many `cpu` has counted, online or not.
    ///
    /// ```
    /// # use irqlab::{context::Task, cpu::CpuId, smp::{self, Counter}};
    /// # use kernel::prelude::*;
    /// fn nr_interrupts(cpu: CpuId, task: &Task) -> Result<u32> {
    ///     let before = Counter::CallFunction.on(cpu);
    ///     smp::call_on(cpu, task, |_off| ())?;
    ///     Ok(Counter::CallFunction.on(cpu).wrapping_sub(before))
    /// }
    ///
    /// # let other = irqlab::cpu::next_online(CpuId::current()).ok_or(ENXIO)?;
    /// if nr_interrupts(other, task)? == 0 {
    ///     pr_info!("it was idle, and found the call without an interrupt\n");
    /// }
    /// ```
    pub fn on(self, cpu: CpuId) -> u32 {
        let index = match self {
            Counter::Nmi => bindings::irq_stat_counts_IRQ_COUNT_NMI,
            Counter::LocalTimer => bindings::irq_stat_counts_IRQ_COUNT_APIC_TIMER,
            Counter::IrqWork => bindings::irq_stat_counts_IRQ_COUNT_IRQ_WORK,
            Counter::Reschedule => bindings::irq_stat_counts_IRQ_COUNT_RESCHEDULE,
            Counter::CallFunction => bindings::irq_stat_counts_IRQ_COUNT_CALL_FUNCTION,
            Counter::Tlb => bindings::irq_stat_counts_IRQ_COUNT_TLB,
        };
        // SAFETY: The index is one of the kernel's, and a `CpuId` is a number that a CPU can
        // have.
        unsafe { bindings::irq_stat(index, u32::from(cpu)) }
    }
}
