// SPDX-License-Identifier: GPL-2.0

//! A DPC that notes where and in which order it runs, and queues in which it waits until the
//! experiment wants it to run.

use crate::claim::prelude::*;
use core::marker::PhantomData;
use irqlab::{
    clock,
    context::{
        self,
        Snapshot, //
    },
    cpu::CpuId,
    dpc::{
        Arguments,
        Dpc,
        Handler,
        Kind,
        Parameters,
        System, //
    },
    new_raw_spinlock,
    raw_spinlock::RawSpinLock,
};
use kernel::sync::Arc;

/// What nothing but an insertion drains: no tick comes during an experiment, an idle CPU does
/// not look, and no rate is too low.
pub(super) const ONLY_INSERTIONS: Parameters = Parameters {
    maximum_depth: 4,
    minimum_rate: 0,
    ideal_rate: 20,
    adjustment: 20,
    tick_ms: 600_000,
    dpc_limit: 0,
    sum_limit: 0,
    threaded: true,
    idle_drain: false,
};

/// Queues of an experiment's own.
pub(super) fn system(parameters: Parameters) -> Result<Arc<System>> {
    let system = System::new()?;
    system.set_parameters(parameters);
    Ok(system)
}

/// One run of a probe.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) name: char,
    pub(super) arguments: Arguments,
    pub(super) at: Snapshot,
}

impl Run {
    pub(super) fn is_on(&self, cpu: CpuId) -> bool {
        self.at.cpu == cpu.as_u32()
    }

    /// In a soft IRQ, with interrupts on.
    pub(super) fn is_ordinary(&self) -> bool {
        self.at.kind() == context::Kind::SoftIrq && !self.at.irqs_disabled
    }
}

/// The runs of some probes, in their order.
#[pin_data]
pub(super) struct Journal {
    #[pin]
    runs: RawSpinLock<KVec<Run>>,
}

impl Journal {
    /// How many runs are noted.
    const MAX: usize = 64;

    pub(super) fn new() -> Result<Arc<Self>> {
        let runs = KVec::with_capacity(Self::MAX, GFP_KERNEL)?;
        Arc::pin_init(
            pin_init!(Self {
                runs <- new_raw_spinlock!(runs),
            }),
            GFP_KERNEL,
        )
    }

    fn note(&self, run: Run) {
        self.runs.with(|runs, _off| {
            // One too many is not noted, and missed then.
            let _ = runs.push_within_capacity(run);
        });
    }

    pub(super) fn len(&self) -> usize {
        self.runs.with(|runs, _off| runs.len())
    }

    pub(super) fn get(&self, index: usize) -> Option<Run> {
        self.runs.with(|runs, _off| runs.get(index).copied())
    }

    /// All runs, as they are now.
    pub(super) fn iter(&self) -> impl Iterator<Item = Run> + '_ {
        (0..Self::MAX).map_while(|index| self.get(index))
    }

    /// How often the probe called `name` ran.
    pub(super) fn count(&self, name: char) -> usize {
        self.iter().filter(|run| run.name == name).count()
    }
}

/// A DPC that writes its name into a journal, and takes its time.
pub(super) struct Probe<K> {
    name: char,
    journal: Arc<Journal>,
    spin_ns: u64,
    _kind: PhantomData<fn(K)>,
}

pub(super) type Boxed<K> = Pin<KBox<Dpc<Probe<K>>>>;

/// A probe that takes `spin_ns` before it is in the journal.
pub(super) fn slow_probe<K: Kind + 'static>(
    system: &Arc<System>,
    journal: &Arc<Journal>,
    name: char,
    spin_ns: u64,
) -> Result<Boxed<K>> {
    let probe = Probe::<K> {
        name,
        journal: journal.clone(),
        spin_ns,
        _kind: PhantomData,
    };
    KBox::pin_init(Dpc::new(system, Ok(probe)), GFP_KERNEL)
}

pub(super) fn probe<K: Kind + 'static>(
    system: &Arc<System>,
    journal: &Arc<Journal>,
    name: char,
) -> Result<Boxed<K>> {
    slow_probe(system, journal, name, 0)
}

impl<K: Kind + 'static> Handler for Probe<K> {
    type Kind = K;

    fn run(this: &Dpc<Self>, arguments: Arguments, _context: &K::Context) {
        let at = Snapshot::take();
        if this.spin_ns > 0 {
            clock::spin_ns(this.spin_ns);
        }
        this.journal.note(Run {
            name: this.name,
            arguments,
            at,
        });
    }
}

/// Shows the names of runs, in their order.
pub(super) struct Order<'a>(pub(super) &'a Journal);

impl kernel::fmt::Display for Order<'_> {
    fn fmt(&self, f: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        for (index, run) in self.0.iter().enumerate() {
            let separator = if index > 0 { " " } else { "" };
            f.write_fmt(fmt!("{separator}{}", run.name))?;
        }
        Ok(())
    }
}
