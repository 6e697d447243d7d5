// SPDX-License-Identifier: GPL-2.0

//! The lab as a whole: what every part of it can reach.

use crate::{
    bench::Bench,
    claim::Claims,
    dpc::Dpcs,
    fixup::Fixups,
    interrupt_threads::LabThreads,
    ipi::Ipis,
    line::Lines,
    mechanism::Instance,
    nesting::Nesting,
    old_bh::OldBh,
    progress::{
        Experiment,
        Progress, //
    },
    record::Ledger,
    recorder::Recorder,
    refusal::{
        refuse,
        Answer,
        LastError, //
    },
    softirqs::Softirqs,
    stacks::Stacks,
    watch::Switched,
};
use irqlab::{
    context::Task,
    debugfs::Dir,
    workqueue::Queue, //
};
use kernel::{
    fmt,
    prelude::*,
    sync::Arc, //
};

/// The lab.
#[pin_data]
pub(crate) struct Lab {
    /// The lines of all devices that are bound.
    #[pin]
    pub(crate) lines: Lines,
    /// The 32 slots of old bottom halves, of which a mechanism has one.
    #[pin]
    pub(crate) old_bh: OldBh,
    /// The DPC queues, which are there before the mechanisms that use them.
    pub(crate) dpcs: Dpcs,
    /// Where the mechanisms' records are entered.
    pub(crate) ledger: Arc<Ledger>,
    /// One of each mechanism.
    pub(crate) mechanisms: KVec<Arc<Instance>>,
    #[pin]
    pub(crate) bench: Bench,
    #[pin]
    pub(crate) claims: Claims,
    #[pin]
    pub(crate) fixups: Fixups,
    #[pin]
    pub(crate) interrupt_threads: LabThreads,
    #[pin]
    pub(crate) ipis: Ipis,
    #[pin]
    pub(crate) stacks: Stacks,
    #[pin]
    pub(crate) softirqs: Switched<Softirqs>,
    #[pin]
    pub(crate) nesting: Switched<Nesting>,
    /// The tape, which the mechanisms' records write to as well.
    pub(crate) recorder: Arc<Recorder>,
    #[pin]
    pub(crate) last_error: LastError,
    /// Threads for experiments, on every CPU.
    pub(crate) workers: Queue<Task>,
    #[pin]
    pub(crate) progress: Progress,
}

impl Lab {
    pub(crate) fn new(root: &Dir) -> Result<Arc<Self>> {
        let ledger = Arc::pin_init(Ledger::new(), GFP_KERNEL)?;
        let recorder = Arc::pin_init(Recorder::new(ledger.clone())?, GFP_KERNEL)?;
        Arc::pin_init(
            try_pin_init!(Self {
                lines <- Lines::new(root.subdir(c"lines")?)?,
                old_bh <- OldBh::new()?,
                dpcs: Dpcs::new()?,
                mechanisms: Instance::all(&ledger, &recorder)?,
                ledger,
                bench <- Bench::new(),
                claims <- Claims::new()?,
                fixups <- Fixups::new()?,
                interrupt_threads <- LabThreads::new()?,
                ipis <- Ipis::new(),
                stacks <- Stacks::new(),
                softirqs <- Switched::new(Softirqs::new())?,
                nesting <- Switched::new(Nesting::new()?)?,
                recorder,
                last_error <- LastError::new(),
                workers: Queue::per_cpu(c"irqlab_workers")?,
                progress <- Progress::new(),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Begins an experiment of the knob with the path `knob`.
    ///
    /// Refusals: `EBUSY` if another is running.
    pub(crate) fn begin(&self, knob: fmt::Arguments<'_>) -> Answer<Experiment<'_>> {
        self.progress.begin(knob)
    }

    /// The mechanism called `name`.
    ///
    /// Refusals: `ENODEV`.
    pub(crate) fn mechanism(&self, name: &str) -> Answer<&Arc<Instance>> {
        let is_named = |m: &&Arc<Instance>| m.name.to_bytes() == name.as_bytes();
        match self.mechanisms.iter().find(is_named) {
            Some(mechanism) => Ok(mechanism),
            None => refuse!(ENODEV, "no mechanism '{}'; deferral/ has all", name),
        }
    }

    /// The number of a mechanism in the table.
    pub(crate) fn number_of(&self, mechanism: &Arc<Instance>) -> u32 {
        let is_it = |other: &Arc<Instance>| Arc::ptr_eq(other, mechanism);
        self.mechanisms
            .iter()
            .position(is_it)
            .map_or(u32::MAX, |number| number as u32)
    }

    /// The mechanisms of a list with commas between, or of `all`.
    ///
    /// Refusals: `ENODEV`, `EINVAL` if one is named twice, or `all` is beside others.
    pub(crate) fn mechanisms(&self, list: &str) -> Answer<KVec<Arc<Instance>>> {
        let mut found = KVec::new();
        if list == "all" {
            for mechanism in &self.mechanisms {
                found
                    .push(mechanism.clone(), GFP_KERNEL)
                    .map_err(Error::from)?;
            }
            return Ok(found);
        }
        for name in list.split(',') {
            if name == "all" {
                refuse!(EINVAL, "mechanisms=all has no others beside it");
            }
            let mechanism = self.mechanism(name)?;
            if found.iter().any(|other| Arc::ptr_eq(other, mechanism)) {
                refuse!(EINVAL, "'{}' is named twice", name);
            }
            found
                .push(mechanism.clone(), GFP_KERNEL)
                .map_err(Error::from)?;
        }
        Ok(found)
    }
}
