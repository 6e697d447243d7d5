// SPDX-License-Identifier: GPL-2.0

//! Lines that interrupt together: simulated ones, which are raised with each event of the line that is measured.
//!
//! Interrupts are off until all are raised, the measured line first. A CPU runs what it was sent last first, so that
//! the measured line's top half comes after those of all others: the time from raising to it is that of all of them.

use super::Plan;
use crate::{
    laboratory::Lab,
    line::{
        Attachment,
        Group,
        Reserved, //
    },
    record::Record,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    interrupt::local_interrupt_disable,
    irq::Affinity, //
};
use kernel::prelude::*;

/// The line that is measured, and the others, while a run has them.
pub(super) struct Together<'a> {
    pub(super) measured: &'a Reserved<'a>,
    others: KVec<Other<'a>>,
    // Last: what was asked for comes back when nothing is on them any more.
    _affinities: KVec<Affinity>,
}

struct Other<'a> {
    // First what is on the line.
    _attachment: Attachment,
    line: Reserved<'a>,
}

impl<'a> Together<'a> {
    /// As many others as the plan wants.
    ///
    /// Refusals: `ENODEV` if there are fewer.
    pub(super) fn groups(lab: &Lab, plan: &Plan) -> Answer<KVec<Group>> {
        let nr_others = plan.nr_lines.saturating_sub(1) as usize;
        let measured = plan.group.first();
        lab.lines.simulated_besides(&measured, nr_others)
    }

    /// Takes these beside `measured`, with the lab's top half on each, and no mechanism. All go to every CPU meanwhile.
    ///
    /// Refusals: those of [`Group::reserve`], and `EBUSY` if one goes to a CPU of its own all the same.
    pub(super) fn reserve(
        lab: &Lab,
        measured: &'a Reserved<'a>,
        groups: &'a [Group],
    ) -> Answer<Self> {
        let affinities = match groups {
            [] => KVec::new(),
            _ => lab.lines.everywhere()?,
        };
        let mut others = KVec::new();
        for group in groups {
            let line = group.reserve()?;
            let _attachment = line.attach_none()?;
            if !line.source.is_local() {
                refuse!(
                    EBUSY,
                    "{} does not interrupt where it is raised",
                    line.name()
                );
            }
            others.push(Other { _attachment, line }, GFP_KERNEL)?;
        }
        Ok(Self {
            measured,
            others,
            _affinities: affinities,
        })
    }

    /// Whether the device of one of them waits to be unbound, so that the run should end.
    pub(super) fn is_leaving(&self) -> bool {
        let mut others = self.others.iter();
        self.measured.is_leaving() || others.any(|other| other.line.is_leaving())
    }

    /// Raises an event of `record` on the line that is measured, and an interrupt of each of the others.
    #[inline]
    pub(super) fn raise(&self, record: &Record) -> Result {
        if self.others.is_empty() {
            return self.measured.raise_for(record);
        }
        let _interrupts = local_interrupt_disable();
        self.measured.raise_for(record)?;
        let mut others = self.others.iter();
        others.try_for_each(|other| other.line.raise())
    }
}
