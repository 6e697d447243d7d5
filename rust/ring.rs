// SPDX-License-Identifier: GPL-2.0

//! Rings: [moments](Moment) noted on the hottest paths, in any context, and read afterwards.
//!
//! ```text
//!     note ──▶ ring of this CPU ─┐
//!     note ──▶ ring of that CPU ─┴─▶ Reader, in the order of the stamps
//! ```
//!
//! Each CPU has a ring of slots, and a word that counts the slots that were taken, with the CPU's number in it:
//!
//! ```text
//!     taken = CPU << 48 | number ──▶ slot [number % slots]: tag, moment
//! ```
//!
//! To take a slot is one instruction on that word, `cmpxchg` without a bus lock. Who interrupts it on the same
//! CPU, be it an NMI, has taken another slot first, and it tries again; so does a task that was moved to another
//! CPU, whose word has another number in it. The moment is stored, then the tag, which with a bit that is always 1
//! says that all is there. The reader takes it from there, clears the tag, and moves the limit up to which slots
//! may be taken. So nothing that was noted is ever overwritten: if there is no slot left it is not noted, and who
//! notes is told.

use crate::{
    bindings,
    clock::{
        Counter,
        Stamp, //
    },
    context::Moment,
    cpu::CpuId,
    word::Word,
};
use core::{
    arch::asm,
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    },
};
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*,
    sync::Arc, //
};

/// The rings of all CPUs.
///
/// # Invariants
///
/// - `taken` is a word of each CPU, which holds the CPU's number in its bits from `NUMBER_BITS` on, and below them
///   how many of its slots were ever taken.
/// - `cpus` has an element for each possible CPU, whose `limit` holds the CPU's number as well, and no more
///   than `MAX_NUMBER` below.
/// - A slot with a number at or above the limit's is not taken; one below it that is not taken has the tag 0, and so
///   has the one that is as many slots before it.
///
/// Only `NOWHERE` has none of all that, and nothing is noted there.
pub struct Rings {
    /// 1 if stamps are read from the TSC, else 0.
    counts_cycles: Word,
    /// 1 if moments may also be noted quickly, else 0.
    is_quick: Word,
    /// 1 if they should not be, else 0.
    is_slow: Word,
    taken: usize,
    cpus: KVVec<Ring>,
}

/// That of one CPU, in a cache line which is only written when somebody reads.
///
/// # Invariants
///
/// `slots` has `mask + 1` elements, which is a power of two.
#[repr(align(64))]
struct Ring {
    limit: Word,
    mask: u64,
    slots: KVVec<Slot>,
}

/// A place for one moment: a cache line.
#[repr(align(64))]
struct Slot {
    moment: [Word; Moment::WORDS],
    /// 0, or twice the tag plus 1.
    tag: Word,
}

/// How many bits the number of a slot has, in words that also hold a CPU's.
const NUMBER_BITS: u32 = 48;
/// No slot has this number: there are no more of them.
const MAX_NUMBER: u64 = (1 << NUMBER_BITS) - 1;

impl Rings {
    /// Rings of `nr_slots` on each CPU, which is rounded up to a power of two, and the one who reads them.
    ///
    /// Errors: `ENOMEM`.
    pub fn with_slots(nr_slots: usize) -> Result<Reader> {
        let nr_slots = nr_slots.checked_next_power_of_two().ok_or(ENOMEM)?;
        let mut cpus = KVVec::with_capacity(nr_cpu_ids() as usize, GFP_KERNEL)?;
        let mut read = KVVec::with_capacity(nr_cpu_ids() as usize, GFP_KERNEL)?;
        for cpu in 0..u64::from(nr_cpu_ids()) {
            let mut slots = KVVec::with_capacity(nr_slots, GFP_KERNEL)?;
            for _ in 0..nr_slots {
                let slot = Slot {
                    moment: [const { Word::new(0) }; Moment::WORDS],
                    tag: Word::new(0),
                };
                slots.push(slot, GFP_KERNEL)?;
            }
            // INVARIANT: As many were pushed.
            let ring = Ring {
                limit: Word::new(cpu << NUMBER_BITS | nr_slots as u64),
                mask: nr_slots as u64 - 1,
                slots,
            };
            cpus.push(ring, GFP_KERNEL)?;
            read.push(0, GFP_KERNEL)?;
        }
        // SAFETY: May sleep, as its caller may, who allocates as well.
        let taken = unsafe { bindings::alloc_cpu_numbers(NUMBER_BITS) };
        if taken == 0 {
            return Err(ENOMEM);
        }
        // INVARIANT: Nothing is taken. All words and limits hold the numbers of their CPUs, and all tags are 0.
        let rings = Self {
            counts_cycles: Word::new(0),
            is_quick: Word::new(0),
            is_slow: Word::new(0),
            taken,
            cpus,
        };
        rings.choose_counter();
        // INVARIANT: Nothing is read, and there is no other reader.
        Ok(Reader {
            rings: Arc::new(rings, GFP_KERNEL)?,
            read,
        })
    }

    /// Has stamps read from what is [best now](Counter::current).
    pub fn choose_counter(&self) {
        let counts_cycles = Counter::current() == Counter::Tsc;
        self.counts_cycles.store(counts_cycles.into());
        self.choose_quickness();
    }

    /// Keeps [`Writer::note_quickly`] from noting, or lets it note again: who notes looks for what else there is to
    /// do only where it does not.
    pub fn keep_slow(&self, is_slow: bool) {
        self.is_slow.store(is_slow.into());
        self.choose_quickness();
    }

    fn choose_quickness(&self) {
        let is_quick = self.counter() == Counter::Tsc && self.is_slow.load() == 0;
        self.is_quick.store(is_quick.into());
    }

    /// What stamps are read from.
    #[inline(always)]
    pub fn counter(&self) -> Counter {
        if self.counts_cycles.load() != 0 {
            Counter::Tsc
        } else {
            Counter::Clock
        }
    }

    /// Notes the moment of here and now with `tag`, of 63 bits, and returns its stamp, which is taken first. May be called in
    /// any context. Calls `is_full` if there is no slot left.
    #[inline(always)]
    pub(crate) fn note(&self, tag: u64, is_full: impl FnOnce()) -> Stamp {
        let stamp = Stamp::now(self.counter());
        match self.take_slot() {
            Some(slot) => slot.fill(stamp, || tag),
            None => is_full(),
        }
        stamp
    }

    /// The same in as few instructions as can be, if that is possible: stamps are read from the TSC, there is a slot,
    /// and they are not [kept slow](Self::keep_slow).
    #[inline(always)]
    pub(crate) fn note_quickly(&self, tag: impl FnOnce() -> u64) -> Option<Stamp> {
        if self.is_quick.load() == 0 {
            return None;
        }
        let stamp = Stamp::now(Counter::Tsc);
        // Only then, as it would take a register meanwhile, which has to be saved.
        self.take_slot()?.fill(stamp, tag);
        Some(stamp)
    }

    #[inline(always)]
    fn take_slot(&self) -> Option<&Slot> {
        let words = self.taken;
        loop {
            let taken: u64;
            // SAFETY: By the type invariant this is the offset of a word that every CPU has.
            unsafe {
                asm!(
                    "mov {taken}, qword ptr gs:[{words}]",
                    taken = out(reg) taken,
                    words = in(reg) words,
                    options(nostack, preserves_flags, readonly),
                );
            }
            // SAFETY: By the type invariant the upper bits are the number of a possible CPU.
            let ring = unsafe { &*self.cpus.as_ptr().add((taken >> NUMBER_BITS) as usize) };
            if taken >= ring.limit.load_acquire() {
                return None;
            }
            let found: u64;
            // INVARIANT: One more is taken, which stays within the bits as it is below the limit. If the word
            // is that of another CPU by now, it holds another number, and stays as it is.
            // SAFETY: As above. To all that can change the word, which is on the same CPU, this is one step.
            unsafe {
                asm!(
                    "cmpxchg qword ptr gs:[{words}], {next}",
                    words = in(reg) words,
                    next = in(reg) taken.wrapping_add(1),
                    inout("rax") taken => found,
                    options(nostack),
                );
            }
            if found == taken {
                let index = (taken & ring.mask) as usize;
                // SAFETY: By the type invariant of the ring the index is within its slots.
                return Some(unsafe { &*ring.slots.as_ptr().add(index) });
            }
        }
    }
}

impl Drop for Rings {
    fn drop(&mut self) {
        // SAFETY: From `alloc_cpu_numbers` by the type invariant; nobody uses them any more.
        unsafe { bindings::free_cpu_numbers(self.taken) };
    }
}

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

impl Slot {
    /// Of a slot that was just taken.
    #[inline(always)]
    fn fill(&self, stamp: Stamp, tag: impl FnOnce() -> u64) {
        let words = self.moment.as_ptr().cast_mut().cast();
        // SAFETY: So many words are there, which may be written through a shared reference, and are not read before
        // the tag is there, as the slot was just taken.
        unsafe { Moment::store(stamp, words) };
        self.tag.store_release(tag() << 1 | 1);
    }
}

impl Ring {
    fn slot(&self, number: u64) -> &Slot {
        &self.slots[(number & self.mask) as usize]
    }
}

/// What a [`Writer`] leads to at first: rings of no CPU, that are never quick.
static NOWHERE: Rings = Rings {
    counts_cycles: Word::new(0),
    is_quick: Word::new(0),
    is_slow: Word::new(0),
    taken: 0,
    cpus: KVVec::new(),
};

impl Rings {
    fn is_nowhere(&self) -> bool {
        core::ptr::eq(self, &NOWHERE)
    }
}

/// A way to rings that may only be there later.
///
/// # Invariants
///
/// `rings` is `NOWHERE`, or from [`Arc::into_raw`] and owned. It does not change any more once it is not `NOWHERE`.
pub struct Writer {
    rings: AtomicPtr<Rings>,
}

impl Writer {
    /// A way that leads nowhere yet.
    #[expect(clippy::new_without_default)]
    pub const fn new() -> Self {
        // INVARIANT: It is that.
        Self {
            rings: AtomicPtr::new((&raw const NOWHERE).cast_mut()),
        }
    }

    /// Leads to `rings` from now on, unless it leads somewhere.
    pub fn connect(&self, rings: &Arc<Rings>) {
        let raw = Arc::into_raw(rings.clone()).cast_mut();
        let nowhere = (&raw const NOWHERE).cast_mut();
        // INVARIANT: The reference goes there, if nothing was there.
        if (self.rings)
            .compare_exchange(nowhere, raw, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: From `into_raw`, and nobody else has it.
            drop(unsafe { Arc::from_raw(raw) });
        }
    }

    /// Notes the moment of here and now with `tag`, of 63 bits, and returns its stamp, which is taken first. May be
    /// called in any context. Calls `is_full` if there is no slot left. Nothing if there are no rings.
    #[inline(always)]
    pub fn note(&self, tag: u64, is_full: impl FnOnce()) -> Option<Stamp> {
        // SAFETY: By the type invariant it is valid as long as this is.
        let rings = unsafe { &*self.rings.load(Ordering::Acquire) };
        (!rings.is_nowhere()).then(|| rings.note(tag, is_full))
    }

    /// The same in as few instructions as can be, if that is possible: stamps are read from the TSC, there is a slot,
    /// and they are not [kept slow](Rings::keep_slow).
    ///
    /// ```
    /// # use irqlab::{clock::Stamp, ring::Writer};
    /// fn note(writer: &Writer, tag: u64, nr_lost: &mut u64) -> Option<Stamp> {
    ///     writer
    ///         .note_quickly(|| tag)
    ///         .or_else(|| writer.note(tag, || *nr_lost += 1))
    /// }
    ///
    /// # use kernel::prelude::*;
    /// let mut reader = irqlab::ring::Rings::with_slots(16)?;
    /// let (writer, mut nr_lost) = (Writer::new(), 0);
    /// // There are no rings yet.
    /// assert_eq!(note(&writer, 17, &mut nr_lost), None);
    /// writer.connect(reader.rings());
    /// let stamp = note(&writer, 17, &mut nr_lost);
    /// assert!(stamp.is_some() && nr_lost == 0);
    /// # assert_eq!(reader.next().map(|noted| noted.tag), Some(17));
    /// ```
    #[inline(always)]
    pub fn note_quickly(&self, tag: impl FnOnce() -> u64) -> Option<Stamp> {
        // SAFETY: By the type invariant it is valid as long as this is.
        let rings = unsafe { &*self.rings.load(Ordering::Acquire) };
        rings.note_quickly(tag)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let rings = *self.rings.get_mut();
        if !core::ptr::eq(rings, &NOWHERE) {
            // SAFETY: From `into_raw` by the type invariant, and owned.
            drop(unsafe { Arc::from_raw(rings) });
        }
    }
}
