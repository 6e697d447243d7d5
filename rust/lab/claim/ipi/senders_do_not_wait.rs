// SPDX-License-Identifier: GPL-2.0

//! Senders to the same CPU do not wait for each other.
//!
//! One sender is stopped in the middle: as it is about to put its call into the queue, and
//! again as the call is there and the interrupt is about to be sent. If it held a lock there,
//! the other sender could not get through meanwhile.

use crate::claim::{
    claim,
    judge,
    skip,
    Finding,
    Trial, //
};
use crate::{
    hold::{
        attempt,
        spin_until, //
    },
    refusal::Answer,
    runs::Runs, //
};
use irqlab::{
    clock,
    context::Unsleeping,
    cpu::{
        self,
        CpuId, //
    },
    smp::Csd,
    tracepoint::{
        Attached,
        CsdQueueCpu,
        IpiSendCpu,
        Observer, //
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

claim! {
    quote: "Older version of the kernel were relying on a global data structure protected by a lock, but this solution hampers scalability and performance.",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "no lock: who has queued a call for a CPU is not waited for by those who queue others for it, since 3.14 (2014)",
    functions: "__smp_call_single_queue(), llist_add()",
    control: "the second sender begins when the first has ended",
    next: "echo kind=contended senders=2 count=1000 > ipi/call; cat ipi/call",
}

const COUNT: u32 = 3;
/// For how long a sender is stopped at most: until a busy host runs the other one; and where
/// that is not to come.
const STOPPED_NS: u64 = 50_000_000;
const STOPPED_IN_VAIN_NS: u64 = 2_000_000;

/// Where the first sender is stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before its call is in the queue.
    Queue,
    /// When it is, before the interrupt.
    Send,
}

/// Stops the first sender there until the second one has ended.
struct Gate {
    first: CpuId,
    target: CpuId,
    stopped_ns: u64,
    /// At which place it is shut: its number, plus 1; 0 for none.
    shut_at: Atomic<u32>,
    is_stopped: Atomic<bool>,
    /// Whether the second sender has ended, and whether that was in time.
    is_second_done: Atomic<bool>,
    was_in_time: Atomic<bool>,
}

impl Gate {
    fn new(first: CpuId, target: CpuId, stopped_ns: u64) -> Self {
        Self {
            first,
            target,
            stopped_ns,
            shut_at: Atomic::new(0),
            is_stopped: Atomic::new(false),
            is_second_done: Atomic::new(false),
            was_in_time: Atomic::new(false),
        }
    }

    /// As new.
    fn open(&self) {
        self.shut_at.store(0, Relaxed);
        self.is_stopped.store(false, Relaxed);
        self.is_second_done.store(false, Relaxed);
        self.was_in_time.store(false, Relaxed);
    }

    fn shut(&self, place: Place) {
        self.shut_at.store(place as u32 + 1, Release);
    }

    fn pass(&self, place: Place, to: CpuId) {
        let is_it = to == self.target && CpuId::current() == self.first;
        if !is_it || self.shut_at.cmpxchg(place as u32 + 1, 0, Full).is_err() {
            return;
        }
        self.is_stopped.store(true, Release);
        let was_in_time = clock::spin_until(self.stopped_ns, || self.is_second_done.load(Acquire));
        self.was_in_time.store(was_in_time, Release);
    }
}

impl Observer<CsdQueueCpu> for Gate {
    fn observe(&self, event: &CsdQueueCpu, _context: &Unsleeping) {
        self.pass(Place::Queue, event.cpu);
    }
}

impl Observer<IpiSendCpu> for Gate {
    fn observe(&self, event: &IpiSendCpu, _context: &Unsleeping) {
        self.pass(Place::Send, event.cpu);
    }
}

/// Counts over all times, for one place.
#[derive(Default)]
struct Counts {
    stopped: u32,
    /// How often the second sender ended meanwhile, and its call was made, too.
    ended: u32,
    made: u32,
    /// The calls that were made in the end.
    all: u64,
    longest_ns: u64,
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut cpus = cpu::online();
    let (Some(first), Some(second), Some(target)) = (cpus.next(), cpus.next(), cpus.next()) else {
        skip!("two senders and a receiver take three CPUs");
    };
    let stopped_ns = if trial.is_control() {
        STOPPED_IN_VAIN_NS
    } else {
        STOPPED_NS
    };
    let gate = Gate::new(first, target, stopped_ns);
    let mut attached = Attached::new(Arc::new(gate, GFP_KERNEL)?);
    attached.to::<CsdQueueCpu>()?;
    attached.to::<IpiSendCpu>()?;
    let gate = attached.observer();
    let (mut at_queue, mut at_send) = (Counts::default(), Counts::default());
    for _ in 0..COUNT {
        attempt(|| try_one(trial, Place::Queue, second, gate, &mut at_queue))?;
        attempt(|| try_one(trial, Place::Send, second, gate, &mut at_send))?;
    }
    let is_free = |counts: &Counts| {
        counts.stopped == COUNT && counts.ended == COUNT && counts.all == 2 * u64::from(COUNT)
    };
    judge!(
        is_free(&at_queue) && is_free(&at_send) && at_queue.made == COUNT,
        "CPU {} stopped {} times as it was queueing a call for CPU {}: CPU {} sent one meanwhile {} \
         times, which was made {} times, {} ns at most to send; stopped {} times as it was sending the \
         interrupt: {}, {}, {} ns; {} calls made in the end",
        first.as_u32(),
        at_queue.stopped,
        target.as_u32(),
        second.as_u32(),
        at_queue.ended,
        at_queue.made,
        at_queue.longest_ns,
        at_send.stopped,
        at_send.ended,
        at_send.made,
        at_send.longest_ns,
        at_queue.all + at_send.all
    )
}

fn try_one(
    trial: &Trial<'_>,
    place: Place,
    second: CpuId,
    gate: &Gate,
    counts: &mut Counts,
) -> Answer<Option<()>> {
    let (first, target) = (gate.first, gate.target);
    gate.open();
    let call = || KBox::pin_init(Csd::new(Ok(Runs::new())), GFP_KERNEL);
    let (mine, others) = (call()?, call()?);
    let is_first_done = Atomic::new(false);
    let (nr_sent, is_made) = (Atomic::new(0), Atomic::new(false));
    let took_ns = Atomic::new(0);
    let is_control = trial.is_control();
    let cpus = [first, second, target];
    cpu::run_on(&trial.lab.workers, cpus.into_iter(), trial.task, |here| {
        if here.cpu == first {
            gate.shut(place);
            nr_sent.add(u64::from(mine.call_on(target).is_ok()), Relaxed);
            is_first_done.store(true, Release);
        } else if here.cpu == second {
            let is_turn = if is_control {
                spin_until(|| is_first_done.load(Acquire))
            } else {
                spin_until(|| gate.is_stopped.load(Acquire))
            };
            if !is_turn {
                return;
            }
            let start_ns = clock::now_ns();
            let is_sent = others.call_on(target).is_ok();
            took_ns.store(clock::now_ns().wrapping_sub(start_ns), Relaxed);
            nr_sent.add(u64::from(is_sent), Relaxed);
            if place == Place::Queue && !is_control {
                // The first one's is not in the queue: nothing keeps this one from being made.
                clock::spin_until(STOPPED_NS / 2, || others.count() > 0);
            }
            is_made.store(others.count() > 0, Relaxed);
            gate.is_second_done.store(true, Release);
        } else {
            // Busy: it takes an interrupt to reach it.
            spin_until(|| is_first_done.load(Acquire));
        }
    })?;
    trial.eventually(2000, || {
        mine.count() + others.count() == nr_sent.load(Relaxed)
    });
    let was_stopped = gate.is_stopped.load(Acquire);
    let was_in_time = gate.was_in_time.load(Acquire);
    // A busy host can have the second one come too late for the first, or its call.
    let is_late = !was_in_time || place == Place::Queue && !is_made.load(Relaxed);
    if !was_stopped || !is_control && is_late {
        return Ok(None);
    }
    counts.stopped += 1;
    counts.ended += u32::from(was_in_time);
    counts.made += u32::from(is_made.load(Relaxed) && was_in_time);
    counts.all += mine.count() + others.count();
    counts.longest_ns = counts.longest_ns.max(took_ns.load(Relaxed));
    Ok(Some(()))
}
