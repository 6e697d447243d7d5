// SPDX-License-Identifier: GPL-2.0

//! The tape: the last events of every CPU, which read as one time line.
//!
//! Each CPU has a ring of its own. Whoever notes an event takes the next slot
//! of it by one atomic addition, also when it has interrupted somebody who is
//! just doing the same; no lock, no waiting. When the ring is full the oldest
//! event is overwritten, and counted as lost.

use crate::{
    record::{
        store_words,
        unpack,
        PACKED, //
    },
    watch::{
        Event,
        Probes,
        System,
        Watcher, //
    },
};
use irqlab::{
    context::Snapshot,
    cpu::PerCpu,
    softirq::{
        Executor,
        Vector, //
    },
    tracepoint::{
        Attached,
        CallFunctionEntry,
        CallFunctionSingleEntry,
        IrqHandlerEntry,
        IrqHandlerExit,
        IrqWorkEntry,
        LocalTimerEntry,
        RescheduleEntry,
        SoftirqEntry,
        SoftirqExit,
        SoftirqRaise, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
};

mod reel;

pub(crate) use reel::{
    Cursor,
    Reel, //
};

/// The rings, and whether they turn.
pub(crate) struct Tape {
    rings: PerCpu<Ring>,
    is_running: Atomic<bool>,
}

/// What was noted: an event, and where and when.
#[derive(Clone, Copy)]
pub(crate) struct TimedEvent {
    pub(crate) event: Event,
    pub(crate) at: Snapshot,
}

/// The events of one CPU.
struct Ring {
    /// How many events there were: the number of the next one.
    next: Atomic<u64>,
    /// How many found their slot taken by somebody they had interrupted.
    dropped: Atomic<u64>,
    slots: KVVec<Slot>,
}

/// A slot for one event.
struct Slot {
    /// 0 for none, odd while event n is written (2n + 1), even when it is there (2n + 2).
    sequence: Atomic<u64>,
    event: Atomic<u64>,
    at: [Atomic<u64>; PACKED],
}

impl Tape {
    /// A tape for the last `nr_events` of each CPU, which does not run yet.
    pub(crate) fn new(nr_events: usize) -> Result<Self> {
        let ring = || {
            let mut slots = KVVec::with_capacity(nr_events, GFP_KERNEL)?;
            for _ in 0..nr_events {
                let slot = Slot {
                    sequence: Atomic::new(0),
                    event: Atomic::new(0),
                    at: [const { Atomic::new(0) }; PACKED],
                };
                slots.push(slot, GFP_KERNEL)?;
            }
            Ok(Ring {
                next: Atomic::new(0),
                dropped: Atomic::new(0),
                slots,
            })
        };
        Ok(Self {
            rings: PerCpu::new(ring)?,
            is_running: Atomic::new(false),
        })
    }

    /// Begins to note events. To be called when the tape is attached, and
    /// [`Self::stop`] before it is detached: both take many interrupts, as the
    /// kernel patches its code on all CPUs.
    pub(crate) fn start(&self) {
        self.is_running.store(true, Release);
    }

    /// Notes nothing more.
    pub(crate) fn stop(&self) {
        self.is_running.store(false, Release);
    }

    /// Notes an event. May be called in any context.
    #[inline]
    pub(crate) fn note(&self, event: Event, now: &Snapshot) {
        if self.is_running.load(Relaxed) {
            self.rings.local().note(event, now);
        }
    }

    /// How many events are not on the tape any more.
    fn lost(&self) -> u64 {
        let lost = |ring: &Ring| ring.first() + ring.dropped.load(Relaxed);
        self.rings.iter().map(lost).sum()
    }

    /// How many bytes it takes.
    pub(crate) fn nr_bytes(&self) -> usize {
        let of_ring = |ring: &Ring| size_of::<Ring>() + size_of_val(&*ring.slots);
        self.rings.iter().map(of_ring).sum()
    }

    /// What is on it now, in order. Events that are overwritten meanwhile are left out.
    pub(crate) fn reel(&self) -> Result<Reel> {
        let lost = self.lost();
        let mut cpus = KVec::new();
        for ring in self.rings.iter() {
            cpus.push(ring.in_order()?, GFP_KERNEL)?;
        }
        Ok(Reel::new(cpus, lost))
    }
}

impl Tape {
    /// Attaches whoever keeps a tape to what is to be on it.
    pub(crate) fn attach_to<W: Watcher>(probes: &mut Attached<Probes<W>>) -> Result {
        probes.to::<SoftirqRaise>()?;
        probes.to::<SoftirqEntry>()?;
        probes.to::<SoftirqExit>()?;
        probes.to::<IrqHandlerEntry>()?;
        probes.to::<IrqHandlerExit>()?;
        probes.to::<LocalTimerEntry>()?;
        probes.to::<RescheduleEntry>()?;
        probes.to::<CallFunctionEntry>()?;
        probes.to::<CallFunctionSingleEntry>()?;
        probes.to::<IrqWorkEntry>()
    }
}

impl Watcher for Tape {
    fn attach(probes: &mut Attached<Probes<Self>>) -> Result {
        Tape::attach_to(probes)
    }

    #[inline]
    fn see(&self, event: Event) {
        self.note(event, &Snapshot::take());
    }
}

impl Ring {
    #[inline]
    fn slot(&self, number: u64) -> Option<&Slot> {
        let index = number.checked_rem(self.slots.len() as u64)?;
        self.slots.get(index as usize)
    }

    #[inline]
    fn note(&self, event: Event, now: &Snapshot) {
        let number = self.next.fetch_add(1, Relaxed);
        let Some(slot) = self.slot(number) else {
            return;
        };
        let before = slot.sequence.load(Relaxed);
        let writing = number.wrapping_mul(2).wrapping_add(1);
        if before & 1 == 1 || slot.sequence.cmpxchg(before, writing, Full).is_err() {
            // Whoever writes there was interrupted by as many events as there
            // are slots.
            self.dropped.add(1, Relaxed);
            return;
        }
        slot.event.store(event.pack(), Relaxed);
        store_words(&slot.at, now);
        slot.sequence.store(writing.wrapping_add(1), Release);
    }

    /// The number of the oldest event that can be there.
    fn first(&self) -> u64 {
        let next = self.next.load(Acquire);
        next.saturating_sub(self.slots.len() as u64)
    }

    fn events(&self) -> impl Iterator<Item = TimedEvent> + '_ {
        (self.first()..self.next.load(Acquire)).filter_map(|number| self.get(number))
    }

    /// The events in the order of their stamps. Whoever is interrupted between the
    /// stamp and taking a slot comes after those who interrupted, though not by much.
    fn in_order(&self) -> Result<KVVec<TimedEvent>> {
        let mut events: KVVec<TimedEvent> = KVVec::new();
        for noted in self.events() {
            events.push(noted, GFP_KERNEL)?;
            for index in (1..events.len()).rev() {
                if events[index - 1].at.stamp_ns <= events[index].at.stamp_ns {
                    break;
                }
                events.swap(index - 1, index);
            }
        }
        Ok(events)
    }

    fn get(&self, number: u64) -> Option<TimedEvent> {
        let slot = self.slot(number)?;
        let written = number.wrapping_mul(2).wrapping_add(2);
        if slot.sequence.load(Acquire) != written {
            return None;
        }
        // Acquire, so that the sequence is read after them.
        let event = slot.event.load(Acquire);
        let at = core::array::from_fn(|index| slot.at[index].load(Acquire));
        if slot.sequence.load(Relaxed) != written {
            return None;
        }
        Some(TimedEvent {
            event: Event::unpack(event)?,
            at: unpack(at),
        })
    }
}

impl Event {
    /// The event in one word: its kind, what it is about, and what else there is.
    const fn pack(self) -> u64 {
        let (kind, subject, detail) = match self {
            Event::Raised(vector) => (0, vector as u32, 0),
            Event::Entered(vector, executor) => (1, vector as u32, executor as u64),
            Event::Left(vector) => (2, vector as u32, 0),
            Event::HandlerEntered(irq) => (3, irq, 0),
            Event::HandlerLeft(irq, is_handled) => (4, irq, is_handled as u64),
            Event::Interrupted(system) => (5, system as u32, 0),
            Event::Top(mechanism) => (6, mechanism, 0),
            Event::Bottom(mechanism) => (7, mechanism, 0),
            Event::Raise(mechanism) => (8, mechanism, 0),
            Event::Woken(mechanism) => (9, mechanism, 0),
            Event::Switched(pid) => (10, pid, 0),
        };
        kind | detail << 8 | (subject as u64) << 32
    }

    fn unpack(word: u64) -> Option<Self> {
        let subject = (word >> 32) as u32;
        let detail = word >> 8 & 0xff;
        Some(match word & 0xff {
            0 => Event::Raised(Vector::from_raw(subject)?),
            1 => Event::Entered(
                Vector::from_raw(subject)?,
                Executor::from_raw(detail as u32),
            ),
            2 => Event::Left(Vector::from_raw(subject)?),
            3 => Event::HandlerEntered(subject),
            4 => Event::HandlerLeft(subject, detail == 1),
            5 => Event::Interrupted(*System::ALL.get(subject as usize)?),
            6 => Event::Top(subject),
            7 => Event::Bottom(subject),
            8 => Event::Raise(subject),
            9 => Event::Woken(subject),
            10 => Event::Switched(subject),
            _ => return None,
        })
    }
}
