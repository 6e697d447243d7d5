// SPDX-License-Identifier: GPL-2.0

//! Loads: what else a CPU can be busy with while the bench measures on it. Each
//! is a file of its own here and a line in the table.

use crate::{
    laboratory::Lab,
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::Task,
    cpu::CpuId,
    emit,
    kthread::Priority,
    text::Text, //
};
use kernel::prelude::*;

pub(crate) mod by_thread;
mod hard;
pub(crate) mod hog;
mod hog_fifo;
mod irqs_off;
mod softirq;
mod work;

/// All loads.
const TABLE: &[Kind] = &[
    softirq::KIND,
    hog::KIND,
    hog_fifo::KIND,
    irqs_off::KIND,
    work::KIND,
    hard::KIND,
];

/// One line of the table.
pub(crate) struct Kind {
    /// How the knobs call it.
    pub(crate) name: &'static str,
    /// What it does, in a few words.
    pub(crate) about: &'static str,
    start: Start,
}

/// How it is begun on one CPU, until what is returned is dropped.
enum Start {
    /// By what has no priority of its own, or must not have another one.
    Fixed(fn(&Lab, CpuId, &Task) -> Result<KBox<dyn Load>>),
    /// By a thread of SCHED_FIFO, of priority 1 if nobody wants another one.
    Fifo(fn(CpuId, Priority) -> Result<KBox<dyn Load>>),
}

impl Kind {
    /// Begins it, with a priority that is wanted instead of its own.
    ///
    /// Refusals: `EPERM` if it cannot have one.
    pub(crate) fn start(
        &self,
        lab: &Lab,
        cpu: CpuId,
        priority: Option<u8>,
        task: &Task,
    ) -> Answer<KBox<dyn Load>> {
        match (&self.start, priority) {
            (Start::Fixed(start), None) => Ok(start(lab, cpu, task)?),
            (Start::Fifo(start), priority) => {
                let priority = priority.map_or(Priority::FifoLow, Priority::FifoAt);
                Ok(start(cpu, priority)?)
            }
            (Start::Fixed(_), Some(priority)) => refuse!(
                EPERM,
                "load={} is not by a thread of SCHED_FIFO: leave out load_priority={priority}; loads that have \
                 a priority are: {}",
                self.name,
                with_priority()?
            ),
        }
    }
}

/// A load that goes on until it is dropped.
pub(crate) trait Load {
    /// How often it has done its piece of work: 0 means that it had no effect.
    fn rounds(&self) -> u64;
}

/// The load called `name`, or none for `none`.
///
/// Refusals: `ENODEV`.
pub(crate) fn find(name: &str) -> Answer<Option<&'static Kind>> {
    if name == "none" {
        return Ok(None);
    }
    match TABLE.iter().find(|kind| kind.name == name) {
        Some(kind) => Ok(Some(kind)),
        None => refuse!(
            ENODEV,
            "no load '{name}'; there are: none, {}",
            names(|_kind| true)?
        ),
    }
}

/// The names of those that may be given a priority.
pub(crate) fn with_priority() -> Result<Text> {
    names(|kind| matches!(kind.start, Start::Fifo(_)))
}

/// The names of those for which `is_meant`.
fn names(is_meant: fn(&Kind) -> bool) -> Result<Text> {
    let mut names = Text::new();
    for kind in TABLE.iter().filter(|kind| is_meant(kind)) {
        names.separate(", ")?;
        emit!(&mut names, "{}", kind.name)?;
    }
    Ok(names)
}
