// SPDX-License-Identifier: GPL-2.0

//! Sets of CPUs, as people write them: `0-3,7`.
//!
//! C header: [`include/linux/cpumask.h`](srctree/include/linux/cpumask.h)

use super::online;
use crate::bindings;
use kernel::{
    cpu::{
        nr_cpu_ids,
        CpuId, //
    },
    cpumask::CpumaskVar,
    error::to_result,
    fmt,
    prelude::*,
    str::CString, //
};

/// A set of CPUs, online or not. `Display` gives it in the kernel's list format.
///
/// ```
/// # use irqlab::cpu::{self, Set};
/// # use kernel::prelude::*;
/// fn nr_named_and_online(list: &str) -> Result<usize> {
///     let set = Set::parse(list)?;
///     pr_info!("asked for CPUs {set}\n");
///     Ok(set.iter().filter(|cpu| cpu::is_online(*cpu)).count())
/// }
///
/// assert_eq!(nr_named_and_online("0")?, 1);
/// assert_eq!(nr_named_and_online("")?, 0);
/// assert_eq!(nr_named_and_online("0-x"), Err(EINVAL));
/// ```
pub struct Set(CpumaskVar);

// SAFETY: The mask is plain memory, which this owns alone and which any CPU may free.
unsafe impl Send for Set {}
// SAFETY: Through a shared reference it is only read.
unsafe impl Sync for Set {}

impl Set {
    /// No CPU.
    ///
    /// Errors: `ENOMEM`.
    pub fn new() -> Result<Self> {
        Ok(Self(CpumaskVar::new_zero(GFP_KERNEL)?))
    }

    /// These CPUs.
    ///
    /// Errors: `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::cpu::{CpuId, Set};
    /// # use kernel::prelude::*;
    /// fn here_and(other: CpuId) -> Result<Set> {
    ///     let cpus = Set::of([CpuId::current(), other])?;
    ///     pr_info!("none: {}\n", cpus.is_empty());
    ///     Ok(cpus)
    /// }
    ///
    /// # let other = irqlab::cpu::online().last().ok_or(ENXIO)?;
    /// let cpus = here_and(other)?;
    /// assert!(cpus.contains(other) && !cpus.is_empty());
    /// # let (zero, many) = (CpuId::from_u32(0).ok_or(ENXIO)?, Set::parse("all")?);
    /// # assert_eq!(Set::of([zero, zero])?.len(), 1);
    /// # assert_eq!(Set::of(many.iter())?.len(), many.len());
    /// ```
    pub fn of(cpus: impl IntoIterator<Item = CpuId>) -> Result<Self> {
        let mut set = Self::new()?;
        for cpu in cpus {
            set.insert(cpu);
        }
        Ok(set)
    }

    /// The CPUs that are online now.
    ///
    /// Errors: `ENOMEM`.
    pub fn online() -> Result<Self> {
        Self::of(online())
    }

    /// The CPUs of a list, by the kernel's own parser: numbers and ranges with commas
    /// between, `all`, `N` for the last, `0-7:2/4` for two of every four. An empty list is
    /// an empty set.
    ///
    /// Errors: `EINVAL` if it is malformed, `ERANGE` if a number is beyond the last CPU
    /// that the machine can have, `ENOMEM`.
    pub fn parse(list: &str) -> Result<Self> {
        let set = Self::new()?;
        let list = CString::try_from_fmt(fmt!("{list}"))?;
        // SAFETY: The list ends in NUL, and the mask has room for a bit for each CPU.
        let parsed = to_result(unsafe {
            bindings::bitmap_parselist(
                list.as_char_ptr().cast(),
                (*set.as_raw()).bits.as_mut_ptr(),
                nr_cpu_ids() as c_int,
            )
        });
        match parsed {
            Ok(()) => Ok(set),
            Err(EOVERFLOW) => Err(ERANGE),
            Err(error) => Err(error),
        }
    }

    /// Puts `cpu` in.
    ///
    /// ```
    /// # use irqlab::cpu::{self, CpuId, Set};
    /// # use kernel::prelude::*;
    /// fn all_but(cpu: CpuId) -> Result<Set> {
    ///     let mut others = Set::new()?;
    ///     for cpu in cpu::online() {
    ///         others.insert(cpu);
    ///     }
    ///     others.remove(cpu);
    ///     Ok(others)
    /// }
    ///
    /// let here = CpuId::current();
    /// assert!(!all_but(here)?.contains(here));
    /// # let _guard = cpu::HotplugExcluded::new(task);
    /// # assert_eq!(all_but(cpu::online().next().ok_or(ENXIO)?)?.len(), cpu::online().count() - 1);
    /// ```
    #[inline]
    pub fn insert(&mut self, cpu: CpuId) {
        self.0.set(cpu);
    }

    /// Takes `cpu` out.
    #[inline]
    pub fn remove(&mut self, cpu: CpuId) {
        self.0.clear(cpu);
    }

    /// Whether `cpu` is in it.
    ///
    /// ```
    /// # use irqlab::cpu::{CpuId, Set};
    /// # use kernel::prelude::*;
    /// fn is_only(cpu: CpuId, set: &Set) -> bool {
    ///     set.contains(cpu) && set.len() == 1
    /// }
    ///
    /// let here = CpuId::current();
    /// assert!(is_only(here, &Set::of([here])?));
    /// assert!(!is_only(here, &Set::new()?));
    /// ```
    #[inline]
    pub fn contains(&self, cpu: CpuId) -> bool {
        self.0.test(cpu)
    }

    /// How many CPUs are in it.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.weight() as usize
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.empty()
    }

    /// The CPUs, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = CpuId> + Clone + '_ {
        (0..nr_cpu_ids())
            .filter_map(CpuId::from_u32)
            .filter(|cpu| self.contains(*cpu))
    }

    /// The `struct cpumask`, valid as long as `self`. C must only read it, but for what
    /// makes the set.
    #[inline]
    pub(crate) fn as_raw(&self) -> *mut bindings::cpumask {
        self.0.as_raw()
    }
}

impl From<CpumaskVar> for Set {
    fn from(mask: CpumaskVar) -> Self {
        Self(mask)
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut cpus = self.iter().map(|cpu| cpu.as_u32()).peekable();
        while let Some(first) = cpus.next() {
            let mut last = first;
            while cpus.next_if(|next| *next == last.wrapping_add(1)).is_some() {
                last = last.wrapping_add(1);
            }
            f.write_fmt(fmt!("{separator}{first}"))?;
            if last > first {
                f.write_fmt(fmt!("-{last}"))?;
            }
            separator = ",";
        }
        Ok(())
    }
}
