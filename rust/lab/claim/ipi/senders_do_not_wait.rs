// SPDX-License-Identifier: GPL-2.0

//! Senders to the same CPU do not wait for each other.
//!
//! One sender is stopped in the middle: as it is about to put its call into the queue, and again as
//! the call is there and the interrupt is about to be sent. If it held a lock there, the other
//! sender could not get through meanwhile.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    hold::spin_until,
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
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "Older version of the kernel were relying on a global data structure protected by a lock, but this solution hampers scalability and performance.",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "no lock: who has queued a call for a CPU is not waited for by those who queue others for it, since 3.14 (2014)",
    functions: "__smp_call_single_queue(), llist_add()",
    control: "the second sender begins when the first has ended",
    next: "echo kind=contended senders=2 count=1000 > ipi/call; cat ipi/call",
}

/// For how long a sender is stopped at most: until a busy host runs the other one; and where that is
/// not to come.
const STOPPED_NS: u64 = 50_000_000;
const STOPPED_IN_VAIN_NS: u64 = 2_000_000;

/// How often the other sender has to be seen to begin and not to end, to tell that it waits: the host
/// may have stopped it, too. Each time the first one is stopped for four times as long.
const NR_KEPT: u32 = 3;

/// Where the first sender is stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Before its call is in the queue.
    Queue,
    /// When it is, before the interrupt.
    Send,
}

/// Stops the first sender there until the second one has ended.
struct Gate {
    first: CpuId,
    target: CpuId,
    stopped_ns: Atomic<u64>,
    /// At which stop it is shut: its number, plus 1; 0 for none.
    shut_at: Atomic<u32>,
    is_stopped: Atomic<bool>,
    /// Whether the second sender has begun, and ended; and what of that was in time.
    has_begun: Atomic<bool>,
    has_ended: Atomic<bool>,
    began_in_time: Atomic<bool>,
    ended_in_time: Atomic<bool>,
}

impl Gate {
    fn new(first: CpuId, target: CpuId) -> Self {
        Self {
            first,
            target,
            stopped_ns: Atomic::new(0),
            shut_at: Atomic::new(0),
            is_stopped: Atomic::new(false),
            has_begun: Atomic::new(false),
            has_ended: Atomic::new(false),
            began_in_time: Atomic::new(false),
            ended_in_time: Atomic::new(false),
        }
    }

    fn shut(&self, stop: Stop, stopped_ns: u64) {
        for flag in [
            &self.is_stopped,
            &self.has_begun,
            &self.has_ended,
            &self.began_in_time,
            &self.ended_in_time,
        ] {
            flag.store(false, Relaxed);
        }
        self.stopped_ns.store(stopped_ns, Relaxed);
        self.shut_at.store(stop as u32 + 1, Release);
    }

    fn pass(&self, stop: Stop, to: CpuId) {
        let is_it = to == self.target && CpuId::current() == self.first;
        if !is_it || self.shut_at.cmpxchg(stop as u32 + 1, 0, Full).is_err() {
            return;
        }
        self.is_stopped.store(true, Release);
        let stopped_ns = self.stopped_ns.load(Relaxed);
        let has_ended = clock::spin_until(stopped_ns, || self.has_ended.load(Acquire));
        self.ended_in_time.store(has_ended, Relaxed);
        self.began_in_time
            .store(self.has_begun.load(Acquire), Release);
    }
}

impl Observer<CsdQueueCpu> for Gate {
    fn observe(&self, event: &CsdQueueCpu, _context: &Unsleeping) {
        self.pass(Stop::Queue, event.cpu);
    }
}

impl Observer<IpiSendCpu> for Gate {
    fn observe(&self, event: &IpiSendCpu, _context: &Unsleeping) {
        self.pass(Stop::Send, event.cpu);
    }
}

/// What became of two calls, the first of which was stopped.
struct Sent {
    /// The second one was sent meanwhile; and made meanwhile.
    meanwhile: bool,
    made_meanwhile: bool,
    took_ns: u64,
    /// How many were made in the end.
    all: u64,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [first, second, target] = trial.cpus()?;
    let gate = Gate::new(first, target);
    let mut attached = Attached::new(Arc::new(gate, GFP_KERNEL)?);
    attached.to::<CsdQueueCpu>()?;
    attached.to::<IpiSendCpu>()?;
    let gate = attached.observer();
    evidence.note(fmt!(
        "CPU {} is stopped as it calls CPU {}",
        first.as_u32(),
        target.as_u32()
    ))?;
    for (stop, name) in [
        (Stop::Queue, "before its call is in the queue"),
        (Stop::Send, "before it sends the interrupt"),
    ] {
        let sent = send(trial, stop, second, gate)?;
        evidence.check(
            sent.meanwhile,
            fmt!(
                "{name}: CPU {} {} a call of its own meanwhile, in {} us",
                second.as_u32(),
                if sent.meanwhile {
                    "sent"
                } else {
                    "did not send"
                },
                sent.took_ns / 1000
            ),
        )?;
        // The first one's is not in the queue: nothing keeps the second from being made.
        if stop == Stop::Queue {
            evidence.check(
                sent.made_meanwhile,
                fmt!(
                    "which {} made",
                    if sent.made_meanwhile {
                        "was"
                    } else {
                        "was not"
                    }
                ),
            )?;
        }
        evidence.check(sent.all == 2, fmt!("made in the end: {} of 2", sent.all))?;
    }
    evidence.holds()
}

/// Has two sent until the second one gets through, or is seen to wait.
fn send(trial: &Trial<'_>, stop: Stop, second: CpuId, gate: &Gate) -> Answer<Sent> {
    const ATTEMPTS: u32 = 10;

    let mut nr_kept = 0;
    for _ in 0..ATTEMPTS {
        let stopped_ns = trial.pick(STOPPED_NS, STOPPED_IN_VAIN_NS) << (2 * nr_kept);
        let Some(sent) = try_once(trial, stop, stopped_ns, second, gate)? else {
            continue;
        };
        let is_through = sent.meanwhile && (stop == Stop::Send || sent.made_meanwhile);
        nr_kept += u32::from(!is_through);
        if is_through || nr_kept == NR_KEPT || trial.is_control() {
            return Ok(sent);
        }
    }
    skip!(Missed: "three CPUs did not come together in {ATTEMPTS} attempts")
}

/// Nothing if the first one was not stopped, or the second one did not begin meanwhile.
fn try_once(
    trial: &Trial<'_>,
    stop: Stop,
    stopped_ns: u64,
    second: CpuId,
    gate: &Gate,
) -> Answer<Option<Sent>> {
    let (first, target) = (gate.first, gate.target);
    let call = || KBox::pin_init(Csd::new(Ok(Runs::new())), GFP_KERNEL);
    let (mine, others) = (call()?, call()?);
    let is_first_done = Atomic::new(false);
    let (nr_sent, made_meanwhile) = (Atomic::new(0), Atomic::new(false));
    let took_ns = Atomic::new(0);
    let is_control = trial.is_control();
    // Before anybody waits for it.
    gate.shut(stop, stopped_ns);
    let cpus = [first, second, target];
    cpu::run_on(&trial.lab.workers, cpus.into_iter(), trial.task, |here| {
        if here.cpu == first {
            nr_sent.add(u64::from(mine.call_on(target).is_ok()), Relaxed);
            is_first_done.store(true, Release);
        } else if here.cpu == second {
            let awaited = if is_control {
                &is_first_done
            } else {
                &gate.is_stopped
            };
            if !spin_until(|| awaited.load(Acquire)) {
                return;
            }
            let start_ns = clock::now_ns();
            gate.has_begun.store(true, Release);
            let is_sent = others.call_on(target).is_ok();
            took_ns.store(clock::now_ns().wrapping_sub(start_ns), Relaxed);
            nr_sent.add(u64::from(is_sent), Relaxed);
            if stop == Stop::Queue && !is_control {
                clock::spin_until(stopped_ns / 2, || others.count() > 0);
            }
            made_meanwhile.store(others.count() > 0, Relaxed);
            gate.has_ended.store(true, Release);
        } else {
            // Busy: it takes an interrupt to reach it.
            spin_until(|| is_first_done.load(Acquire));
        }
    })?;
    let all = || mine.count() + others.count();
    let have_been_made = trial.eventually(2000, || all() == nr_sent.load(Relaxed));
    let is_stopped = gate.is_stopped.load(Acquire);
    let is_met = is_control || gate.began_in_time.load(Acquire);
    Ok((have_been_made && is_stopped && is_met).then(|| {
        let meanwhile = gate.ended_in_time.load(Relaxed);
        Sent {
            meanwhile,
            made_meanwhile: meanwhile && made_meanwhile.load(Relaxed),
            took_ns: took_ns.load(Relaxed),
            all: all(),
        }
    }))
}
