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

mod reader;
mod writer;

pub use reader::{
    Entry,
    Reader, //
};

pub use writer::Writer;

use crate::{
    bindings,
    clock::{
        Counter,
        Stamp, //
    },
    context::Moment,
    word::Word,
};
use core::arch::asm;
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*, //
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
/// Only the writer's `NOWHERE` has none of all that, and nothing is noted there.
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
        Reader::new(rings)
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
