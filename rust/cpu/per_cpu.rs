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
/// Plain memory rather than the kernel's per-CPU area: the index is the CPU's
/// number. The code that writes may be moved to another CPU at any time, so the
/// values are shared (`T: Sync`): atomics, usually, with one writer nearly always.
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
        let nr_cpus = nr_cpu_ids() as usize;
        let mut values = KVVec::with_capacity(nr_cpus, GFP_KERNEL)?;
        for _ in 0..nr_cpus {
            values.push(CacheAligned(value()?), GFP_KERNEL)?;
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

    /// All values, in the order of the CPUs' numbers.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.values.iter().map(|value| &value.0)
    }
}
