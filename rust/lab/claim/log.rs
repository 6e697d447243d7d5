// SPDX-License-Identifier: GPL-2.0

//! A log: what the kernel's tracepoints say about some tasklets or some work, in the order in which
//! it happened on all CPUs. The witness for what an experiment counts itself.

use super::skip;
use crate::refusal::Answer;
use irqlab::{
    clock,
    context::{
        Snapshot,
        Unsleeping, //
    },
    softirq::Vector,
    tracepoint::{
        Attached,
        Observer,
        SoftirqEntry,
        SoftirqExit,
        SoftirqRaise,
        TaskletEntry,
        TaskletExit,
        WorkqueueExecuteEnd,
        WorkqueueExecuteStart,
        WorkqueueQueueWork, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum What {
    /// A soft IRQ for tasklets became pending.
    Raised,
    /// Its action begins.
    Entered,
    /// Its action has ended.
    Left,
    /// Work was put on a list.
    Queued,
    /// A tasklet, or work, begins to run.
    Began,
    /// It has run.
    Ended,
}

impl What {
    const ALL: [What; 6] = [
        What::Raised,
        What::Entered,
        What::Left,
        What::Queued,
        What::Began,
        What::Ended,
    ];
}

/// Something that happened.
#[derive(Clone, Copy)]
pub(super) struct Event {
    pub(super) what: What,
    /// How many events, of all, came before.
    pub(super) index: usize,
    /// The id of the tasklet or of the work; the number of the soft IRQ.
    pub(super) id: usize,
    /// The number of the CPU.
    pub(super) cpu: u32,
    /// The current task.
    pub(super) pid: i32,
    /// The kernel's count of ticks.
    pub(super) ticks: usize,
    /// Of work that is queued: the id of its queue, and its pool of threads.
    pub(super) queue: usize,
    pub(super) pool: usize,
}

/// Logs events while it lives.
pub(super) struct Log(Attached<Events>);

/// The events so far, and those for which there is no slot.
struct Events {
    /// What tasklets, and work, have to call to be logged.
    functions: [usize; 2],
    next: Atomic<usize>,
    slots: KVVec<Slot>,
}

/// A slot for an event.
struct Slot {
    /// What happened and 1, or 0 before it is written.
    what: Atomic<u32>,
    cpu: Atomic<u32>,
    pid: Atomic<i32>,
    ticks: Atomic<usize>,
    id: Atomic<usize>,
    queue: Atomic<usize>,
    pool: Atomic<usize>,
}

impl Log {
    /// A log of nothing yet, for the tasklets and the work that call one of `functions`.
    pub(super) fn of(functions: [usize; 2]) -> Result<Self> {
        /// More than what most experiments take.
        const NR_EVENTS: usize = 4096;

        Self::with_room(functions, NR_EVENTS)
    }

    /// As [`Self::of`], with room for so many events.
    pub(super) fn with_room(functions: [usize; 2], nr_events: usize) -> Result<Self> {
        let mut slots = KVVec::with_capacity(nr_events, GFP_KERNEL)?;
        for _ in 0..nr_events {
            slots.push(Slot::empty(), GFP_KERNEL)?;
        }
        let events = Events {
            functions,
            next: Atomic::new(0),
            slots,
        };
        Ok(Self(Attached::new(Arc::new(events, GFP_KERNEL)?)))
    }

    /// Logs when tasklets begin and end.
    pub(super) fn tasklets(mut self) -> Result<Self> {
        self.0.to::<TaskletEntry>()?;
        self.0.to::<TaskletExit>()?;
        Ok(self)
    }

    /// Logs the soft IRQs that run tasklets.
    pub(super) fn soft_irqs(mut self) -> Result<Self> {
        self.0.to::<SoftirqRaise>()?;
        self.0.to::<SoftirqEntry>()?;
        self.0.to::<SoftirqExit>()?;
        Ok(self)
    }

    /// Logs when work is queued, begins and ends.
    pub(super) fn work(mut self) -> Result<Self> {
        self.0.to::<WorkqueueQueueWork>()?;
        self.0.to::<WorkqueueExecuteStart>()?;
        self.0.to::<WorkqueueExecuteEnd>()?;
        Ok(self)
    }

    /// How many events there were so far.
    pub(super) fn nr_events(&self) -> usize {
        self.0.observer().next.load(Acquire)
    }

    /// What has happened so far.
    ///
    /// Refusals: a skip if there was more than the log can keep.
    pub(super) fn events(&self) -> Answer<KVVec<Event>> {
        let log = self.0.observer();
        let nr_events = self.nr_events();
        if nr_events > log.slots.len() {
            skip!(
                Busy: "{} events, and {} is what the log keeps",
                nr_events,
                log.slots.len()
            );
        }
        let mut events = KVVec::with_capacity(nr_events, GFP_KERNEL)?;
        // Those that are not written yet are left out: a slot in `events` says nothing.
        for (index, slot) in log.slots.iter().enumerate().take(nr_events) {
            if let Some(event) = slot.load(index) {
                events.push(event, GFP_KERNEL)?;
            }
        }
        Ok(events)
    }

    /// How often `what` has happened to `id` so far.
    ///
    /// Refusals: as [`Self::events`].
    pub(super) fn count(&self, what: What, id: usize) -> Answer<u64> {
        Ok(of(&self.events()?, what, id).count() as u64)
    }
}

/// Those in which `what` happens to `id`.
pub(super) fn of(events: &[Event], what: What, id: usize) -> impl Iterator<Item = &Event> + Clone {
    let is_it = move |event: &&Event| event.what == what && event.id == id;
    events.iter().filter(is_it)
}

/// Of those with these ids, the most that ran at a time.
pub(super) fn max_at_a_time(events: &[Event], ids: &[usize]) -> usize {
    let (mut now, mut max) = (0usize, 0);
    for event in events.iter().filter(|event| ids.contains(&event.id)) {
        match event.what {
            What::Began => now += 1,
            What::Ended => now = now.saturating_sub(1),
            _ => (),
        }
        max = max.max(now);
    }
    max
}

/// Of those with these ids, the most that were queued, or ran, at a time.
pub(super) fn max_pending(events: &[Event], ids: &[usize]) -> usize {
    let (mut now, mut max) = (0usize, 0);
    for event in events.iter().filter(|event| ids.contains(&event.id)) {
        match event.what {
            What::Queued => now += 1,
            What::Ended => now = now.saturating_sub(1),
            _ => (),
        }
        max = max.max(now);
    }
    max
}

impl Events {
    fn add(&self, what: What, id: usize, queue: usize, pool: usize) {
        let index = self.next.fetch_add(1, Full);
        let Some(slot) = self.slots.get(index) else {
            return;
        };
        let here = Snapshot::take();
        slot.cpu.store(here.cpu, Relaxed);
        slot.pid.store(here.pid, Relaxed);
        slot.ticks.store(clock::ticks(), Relaxed);
        slot.id.store(id, Relaxed);
        slot.queue.store(queue, Relaxed);
        slot.pool.store(pool, Relaxed);
        slot.what.store(what as u32 + 1, Release);
    }

    fn add_if_ours(&self, what: What, id: usize, function: usize) {
        if self.functions.contains(&function) {
            self.add(what, id, 0, 0);
        }
    }

    fn add_soft_irq(&self, what: What, vector: Vector) {
        if matches!(vector, Vector::Hi | Vector::Tasklet) {
            self.add(what, vector as usize, 0, 0);
        }
    }
}

impl Slot {
    const fn empty() -> Self {
        Self {
            what: Atomic::new(0),
            cpu: Atomic::new(0),
            pid: Atomic::new(0),
            ticks: Atomic::new(0),
            id: Atomic::new(0),
            queue: Atomic::new(0),
            pool: Atomic::new(0),
        }
    }

    /// Nothing if it is not written yet.
    fn load(&self, index: usize) -> Option<Event> {
        let number = self.what.load(Acquire).checked_sub(1)?;
        Some(Event {
            what: *What::ALL.get(number as usize)?,
            index,
            id: self.id.load(Relaxed),
            cpu: self.cpu.load(Relaxed),
            pid: self.pid.load(Relaxed),
            ticks: self.ticks.load(Relaxed),
            queue: self.queue.load(Relaxed),
            pool: self.pool.load(Relaxed),
        })
    }
}

/// The tracepoints, and what a log adds for an event of each.
macro_rules! adds {
    ($($tracepoint:ident: |$log:ident, $event:ident| $add:expr;)*) => {$(
        impl Observer<$tracepoint> for Events {
            fn observe(&self, $event: &$tracepoint, _context: &Unsleeping) {
                let $log = self;
                $add
            }
        }
    )*};
}

adds! {
    SoftirqRaise: |log, event| log.add_soft_irq(What::Raised, event.vector);
    SoftirqEntry: |log, event| log.add_soft_irq(What::Entered, event.vector);
    SoftirqExit: |log, event| log.add_soft_irq(What::Left, event.vector);
    TaskletEntry: |log, event| log.add_if_ours(What::Began, event.tasklet, event.function);
    TaskletExit: |log, event| log.add_if_ours(What::Ended, event.tasklet, event.function);
    WorkqueueExecuteStart: |log, event| log.add_if_ours(What::Began, event.work, event.function);
    WorkqueueExecuteEnd: |log, event| log.add_if_ours(What::Ended, event.work, event.function);
    WorkqueueQueueWork: |log, event| if log.functions.contains(&event.function) {
        log.add(What::Queued, event.work, event.queue, event.pool);
    };
}
