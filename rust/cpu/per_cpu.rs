// SPDX-License-Identifier: GPL-2.0

//! One value for each CPU, so that recording in hot paths contends with nobody.

use kernel::{
    cpu::{
        nr_cpu_ids,
        CpuId, //
    },
    prelude::*, //
};

/// A value for each possible CPU, each on cache lines of its own.
///
/// Which CPUs are online may change at any time, and with it the place of a CPU among them: what
/// belongs to a CPU belongs here, and not into a list with an entry for each that is online.
///
/// Plain memory rather than the kernel's per-CPU area: the index is the CPU's
/// number. The code that writes may be moved to another CPU at any time, so the
/// values are shared (`T: Sync`): atomics, usually, with one writer nearly always.
///
/// ```
/// # use irqlab::cpu::PerCpu;
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// struct Hits(PerCpu<Atomic<usize>>);
///
/// impl Hits {
///     fn new() -> Result<Self> {
///         Ok(Self(PerCpu::new(|| Ok(Atomic::new(0)))?))
///     }
///
///     fn hit(&self) {
///         self.0.local().add(1, Relaxed);
///     }
///
///     fn show(&self) {
///         for (cpu, hits) in self.0.with_cpus() {
///             pr_info!("CPU {}: {}\n", cpu.as_u32(), hits.load(Relaxed));
///         }
///         pr_info!("at most {:?}\n", self.0.iter().map(|hits| hits.load(Relaxed)).max());
///     }
/// }
///
/// let hits = Hits::new()?;
/// hits.hit();
/// hits.hit();
/// assert_eq!(hits.0.iter().map(|hits| hits.load(Relaxed)).sum::<usize>(), 2);
/// ```
///
/// # Invariants
///
/// `values` has `nr_cpu_ids()` elements.
pub struct PerCpu<T> {
    values: KVVec<CacheAligned<T>>,
}

#[repr(align(64))]
struct CacheAligned<T>(T);

impl<T: Send + Sync> PerCpu<T> {
    /// Makes a value for each CPU.
    ///
    /// Errors: `ENOMEM`, and those of `value`.
    pub fn new(mut value: impl FnMut() -> Result<T>) -> Result<Self> {
        Self::of_each(|_cpu| value())
    }

    /// As [`Self::new`], with a value that depends on its CPU.
    ///
    /// ```
    /// # use irqlab::{cpu::PerCpu, lapic};
    /// # use kernel::prelude::*;
    /// fn apic_ids() -> Result<PerCpu<u32>> {
    ///     PerCpu::of_each(|cpu| Ok(lapic::id_of(cpu)))
    /// }
    ///
    /// let ids = apic_ids()?;
    /// for (cpu, id) in ids.with_cpus() {
    ///     assert_eq!(*id, lapic::id_of(cpu));
    /// }
    /// ```
    pub fn of_each(mut value: impl FnMut(CpuId) -> Result<T>) -> Result<Self> {
        let mut values = KVVec::with_capacity(nr_cpu_ids() as usize, GFP_KERNEL)?;
        for cpu in possible() {
            values.push(CacheAligned(value(cpu)?), GFP_KERNEL)?;
        }
        // INVARIANT: One was pushed for each.
        Ok(Self { values })
    }

    /// The current CPU's value.
    #[inline]
    pub fn local(&self) -> &T {
        self.of(CpuId::current())
    }

    /// The value of `cpu`.
    #[inline]
    pub fn of(&self, cpu: CpuId) -> &T {
        // By the invariants of both types the index is in bounds.
        &self.values[cpu.as_u32() as usize].0
    }

    /// All values with their CPUs, in the order of the CPUs' numbers.
    pub fn with_cpus(&self) -> impl Iterator<Item = (CpuId, &T)> + Clone {
        possible().zip(self.iter())
    }

    /// All values, in the order of the CPUs' numbers.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.values.iter().map(|value| &value.0)
    }
}

/// All CPUs that there can ever be, online or not.
fn possible() -> impl Iterator<Item = CpuId> + Clone {
    (0..nr_cpu_ids()).filter_map(CpuId::from_u32)
}
