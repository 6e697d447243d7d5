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
    cpu::CpuId, //
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
    /// Begins it on one CPU, until what this returns is dropped.
    start: fn(&Lab, CpuId, &Task) -> Result<KBox<dyn Load>>,
}

impl Kind {
    pub(crate) fn start(&self, lab: &Lab, cpu: CpuId, task: &Task) -> Answer<KBox<dyn Load>> {
        Ok((self.start)(lab, cpu, task)?)
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
        None => refuse!(ENODEV, "no load '{}'", name),
    }
}
