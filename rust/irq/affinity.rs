// SPDX-License-Identifier: GPL-2.0

//! Affinity: the CPUs that a line may interrupt, and those that it does.
//!
//! Somebody asks for a set of CPUs; the controller chooses from it the *effective*
//! ones. A local APIC's lines get one: their vector is allocated on that CPU. A
//! controller of [`irq_chip`](crate::irq_chip) takes all of them.

use super::Line;
use crate::{
    bindings,
    cpu::Set, //
};
use kernel::{
    cpu::{
        nr_cpu_ids,
        CpuId, //
    },
    cpumask::CpumaskVar,
    error::to_result,
    prelude::*,
    sync::Arc, //
};

/// The right to move a line. Dropping it gives the line back the CPUs it had.
///
/// ```
/// # use irqlab::{cpu, irq::{Affinity, Line}, irq_chip::{Domain, Flow, Transparent}};
/// # use kernel::{prelude::*, sync::Arc};
/// fn spread(line: &Arc<Line>) -> Result<Affinity> {
///     let affinity = Affinity::new(line)?;
///     affinity.set(cpu::online())?;
///     pr_info!("goes to {} CPUs\n", affinity.effective()?.weight());
///     Ok(affinity)
/// }
///
/// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
/// let affinity = spread(line.line())?;
/// assert!(affinity.asked()?.weight() >= 1);
/// # // It may go to the CPUs that it is told to, and to no others.
/// # affinity.set(cpu::online().take(1))?;
/// # assert_eq!(affinity.asked()?.weight(), 1);
/// ```
pub struct Affinity {
    line: Arc<Line>,
    before: Set,
}

impl Affinity {
    /// Notes which CPUs `line` may interrupt now.
    ///
    /// Errors: `ENODEV` after the device was unbound, `ENOMEM`.
    pub fn new(line: &Arc<Line>) -> Result<Self> {
        Ok(Self {
            line: line.clone(),
            before: Self::next(line)?,
        })
    }

    /// The CPUs that `line` may interrupt from its next interrupt on: some controllers can be asked
    /// for other CPUs only then.
    ///
    /// Errors: as [`Self::asked`].
    pub fn next(line: &Line) -> Result<Set> {
        let cpus = CpumaskVar::new_zero(GFP_KERNEL)?;
        line.with_bound(|irq| {
            // SAFETY: The line is allocated, so its descriptor stays, and nobody else has the mask,
            // which is of the kernel's size.
            if unsafe { bindings::irq_cpus_next(irq, cpus.as_raw()) } {
                Ok(())
            } else {
                Err(ENODEV)
            }
        })?;
        Ok(Set::from(cpus))
    }

    /// Has the line interrupt `cpus` only. A controller that can move a line
    /// only while it is served, as an I/O APIC, does so at the next interrupt.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EINVAL` where the
    /// controller cannot (a line of the kernel's `irq_sim`) or none of the CPUs is
    /// online, `ENOSPC` where none of them has a vector left.
    pub fn set(&self, cpus: impl Iterator<Item = CpuId>) -> Result {
        apply(&self.line, &Set::of(cpus)?)
    }

    /// Gives the line back the CPUs it had, as dropping does, and tells whether
    /// that was accepted.
    ///
    /// Errors: as [`Self::set`].
    ///
    /// ```
    /// # use irqlab::{cpu, irq::Affinity, irq_chip::{Domain, Flow, Transparent}};
    /// # use kernel::prelude::*;
    /// fn give_back(affinity: &Affinity) -> Result<bool> {
    ///     affinity.restore()?;
    ///     affinity.is_restored()
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// let affinity = Affinity::new(line.line())?;
    /// affinity.set(cpu::online().take(1))?;
    /// assert!(give_back(&affinity)?);
    /// ```
    pub fn restore(&self) -> Result {
        apply(&self.line, &self.before)
    }

    /// Whether the line has the CPUs that it had.
    ///
    /// Errors: as [`Self::asked`].
    pub fn is_restored(&self) -> Result<bool> {
        let asked = self.asked()?;
        let mut all = (0..nr_cpu_ids()).filter_map(CpuId::from_u32);
        Ok(all.all(|cpu| asked.test(cpu) == self.before.contains(cpu)))
    }

    /// The CPUs that `line` may interrupt, and those that the controller chose from
    /// them: none where it does not choose.
    ///
    /// Errors: as [`Self::asked`].
    ///
    /// ```
    /// # use irqlab::{irq::{Affinity, Line}, irq_chip::{Domain, Flow, Transparent}};
    /// # use kernel::prelude::*;
    /// fn show(line: &Line) -> Result {
    ///     let (asked, chosen) = Affinity::of(line)?;
    ///     pr_info!("may interrupt {asked}, interrupts {chosen}, next {}\n", Affinity::next(line)?);
    ///     Ok(())
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// show(line.line())?;
    /// # assert!(!Affinity::of(line.line())?.0.is_empty());
    /// ```
    pub fn of(line: &Line) -> Result<(Set, Set)> {
        let (asked, effective) = masks(line)?;
        Ok((Set::from(asked), Set::from(effective)))
    }

    /// The CPUs that the line may interrupt now, whatever it was asked for since its last interrupt.
    ///
    /// Errors: `ENODEV` after the device was unbound, `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::{irq::Affinity, irq_chip::{Domain, Flow, Transparent}};
    /// # use kernel::prelude::*;
    /// fn may_choose(affinity: &Affinity) -> Result<bool> {
    ///     Ok(affinity.asked()?.weight() > affinity.effective()?.weight())
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// let affinity = Affinity::new(line.line())?;
    /// # may_choose(&affinity)?;
    /// affinity.set(irqlab::cpu::online().take(1))?;
    /// assert!(!may_choose(&affinity)? || affinity.effective()?.weight() == 0);
    /// ```
    pub fn asked(&self) -> Result<CpumaskVar> {
        Ok(masks(&self.line)?.0)
    }

    /// The CPUs that the controller chose from them.
    ///
    /// Errors: as [`Self::asked`].
    pub fn effective(&self) -> Result<CpumaskVar> {
        Ok(masks(&self.line)?.1)
    }
}

impl Line {
    /// Restricts the line to `cpu`.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EINVAL` where the
    /// controller cannot (a line of the kernel's `irq_sim`) or the CPU is offline,
    /// `ENOSPC` if it has no vector left.
    ///
    /// ```
    /// # use irqlab::{cpu::CpuId, irq::{Affinity, Line}, irq_chip::{Domain, Flow, Transparent}};
    /// # use kernel::prelude::*;
    /// fn here_or_anywhere(line: &Line) -> Result {
    ///     line.set_affinity(CpuId::current()).or_else(|_| line.set_affinity_to_all())
    /// }
    ///
    /// # let line = Domain::new(1, Ok::<_, Error>(Transparent))?.map(0, Flow::Edge)?;
    /// here_or_anywhere(line.line())?;
    /// assert!(!Affinity::of(line.line())?.0.is_empty());
    /// ```
    pub fn set_affinity(&self, cpu: CpuId) -> Result {
        apply(self, &Set::of([cpu])?)
    }

    /// Lets the line go to any CPU: the controller chooses.
    ///
    /// Errors: `ENODEV` after the device was unbound, `EINVAL` where the controller cannot.
    pub fn set_affinity_to_all(&self) -> Result {
        self.with_bound(|irq| {
            let mask = &raw const bindings::__cpu_possible_mask;
            // SAFETY: The line is allocated. The mask is the kernel's, and does not change.
            to_result(unsafe { bindings::irq_set_affinity(irq, mask) })
        })
    }
}

impl Drop for Affinity {
    fn drop(&mut self) {
        // Refused for a line that was revoked, or that cannot move, and where
        // all the CPUs have gone offline: then the kernel has chosen others.
        let _ = apply(&self.line, &self.before);
    }
}

/// The CPUs asked for, and the effective ones.
fn masks(line: &Line) -> Result<(CpumaskVar, CpumaskVar)> {
    let asked = CpumaskVar::new_zero(GFP_KERNEL)?;
    let effective = CpumaskVar::new_zero(GFP_KERNEL)?;
    line.with_bound(|irq| {
        // SAFETY: The line is allocated, so its data stays, and nobody else has
        // the masks, which are of the kernel's size.
        if unsafe { bindings::irq_cpus(irq, asked.as_raw(), effective.as_raw()) } {
            Ok(())
        } else {
            Err(ENODEV)
        }
    })?;
    Ok((asked, effective))
}

fn apply(line: &Line, cpus: &Set) -> Result {
    line.with_bound(|irq| {
        // SAFETY: The line is allocated and the mask is valid.
        to_result(unsafe { bindings::irq_set_affinity(irq, cpus.as_raw()) })
    })
}
