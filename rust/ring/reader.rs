// SPDX-License-Identifier: GPL-2.0

//! The one who reads rings, and gives their slots back.

use super::{
    Ring,
    Rings,
    Slot,
    MAX_NUMBER,
    NUMBER_BITS, //
};
use crate::{
    clock::Stamp,
    context::Moment,
    cpu::CpuId, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// What was noted.
#[derive(Clone, Copy)]
pub struct Entry {
    /// By which CPU.
    pub cpu: CpuId,
    /// With which tag.
    pub tag: u64,
    /// When, and in which context.
    pub moment: Moment,
}

/// The one who reads rings.
///
/// ```
/// # use irqlab::ring::{Entry, Rings, Writer};
/// # use kernel::prelude::*;
/// /// Returns how many were noted, and how many were lost.
/// fn note_twice() -> Result<(usize, usize)> {
///     let mut reader = Rings::with_slots(16)?;
///     let writer = Writer::new();
///     writer.connect(reader.rings());
///     reader.rings().choose_counter();
///     reader.rings().keep_slow(false);
///     let (mut nr_noted, mut nr_lost) = (0, 0);
///     for _ in 0..2 {
///         writer.note(17, || nr_lost += 1);
///     }
///     pr_info!("{} slots, stamps from the {}\n", reader.nr_slots(), reader.rings().counter().name());
///     while let Some(Entry { cpu, tag, moment }) = reader.next() {
///         pr_info!("{}: {}\n", tag, moment.snapshot(cpu));
///         nr_noted += 1;
///     }
///     Ok((nr_noted, nr_lost))
/// }
///
/// assert_eq!(note_twice()?, (2, 0));
/// ```
///
/// # Invariants
///
/// There is no other reader of these rings. `read` has the number of the next slot to read of each CPU: all
/// before it are free, and the limit is as many slots behind it as the ring has.
pub struct Reader {
    rings: Arc<Rings>,
    read: KVVec<u64>,
}

impl Reader {
    /// Who reads rings of which nothing was read.
    ///
    /// Errors: `ENOMEM`.
    pub(super) fn new(rings: Rings) -> Result<Self> {
        let read = KVVec::from_elem(0, rings.cpus.len(), GFP_KERNEL)?;
        // INVARIANT: Nothing is read, and as this takes the rings there is no other reader.
        Ok(Self {
            rings: Arc::new(rings, GFP_KERNEL)?,
            read,
        })
    }

    /// What it reads.
    pub fn rings(&self) -> &Arc<Rings> {
        &self.rings
    }

    /// How many moments all rings can hold.
    pub fn nr_slots(&self) -> usize {
        self.rings.cpus.iter().map(|ring| ring.slots.len()).sum()
    }

    /// How many bytes of memory all of this takes.
    ///
    /// ```
    /// # use irqlab::ring::Reader;
    /// fn for_each_slot(reader: &Reader) -> usize {
    ///     reader.nr_bytes() / reader.nr_slots()
    /// }
    ///
    /// # use kernel::prelude::*;
    /// assert!(for_each_slot(&irqlab::ring::Rings::with_slots(16)?) >= 8 * irqlab::context::Moment::WORDS);
    /// ```
    pub fn nr_bytes(&self) -> usize {
        let of_each_cpu = size_of::<Ring>() + size_of::<u64>() * 2;
        self.nr_slots() * size_of::<Slot>() + self.rings.cpus.len() * of_each_cpu
    }

    /// Takes what has the earliest stamp of all that each CPU has noted first, if anything is there.
    #[expect(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Entry> {
        let mut first: Option<(usize, Stamp)> = None;
        for (cpu, ring) in self.rings.cpus.iter().enumerate() {
            let slot = ring.slot(self.read[cpu]);
            if slot.tag.load_acquire() == 0 {
                continue;
            }
            let stamp = Stamp::from_raw(slot.moment[0].load());
            if first.is_none_or(|(_, earliest)| stamp < earliest) {
                first = Some((cpu, stamp));
            }
        }
        let (cpu, _) = first?;
        let ring = &self.rings.cpus[cpu];
        let number = &mut self.read[cpu];
        let slot = ring.slot(*number);
        let noted = Entry {
            cpu: CpuId::from_u32(cpu as u32)?,
            tag: slot.tag.load() >> 1,
            moment: Moment::from_words(core::array::from_fn(|index| slot.moment[index].load())),
        };
        // INVARIANT: The slot is free, and then may be taken again: that with a number as many higher.
        slot.tag.store(0);
        *number += 1;
        let limit = (*number + ring.slots.len() as u64).min(MAX_NUMBER);
        ring.limit
            .store_release((cpu as u64) << NUMBER_BITS | limit);
        Some(noted)
    }
}
