// SPDX-License-Identifier: GPL-2.0

//! A list for each CPU carries the requests to it.
//!
//! Who puts something into an empty list sends an interrupt, the others need not: a CPU that has
//! interrupts off meanwhile gets one for all. That nobody locks is IPI-09.

use crate::{
    claim::prelude::*,
    hold::{
        attempt,
        spin_until,
        Hold, //
    },
    traffic::{
        Seen,
        Traffic, //
    },
};
use irqlab::{
    context::IrqsOff,
    cpu::CpuId,
    smp::{
        self,
        Csd, //
    },
    tracepoint::Attached,
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
    quote: "From Kernel 5.0, there is a per-CPU linked list of registered functions and associated data to process. Concurrent access relies on the lock-free list.",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "as the text says, but older: a list for each CPU since 2.6.27 (2008), with a lock, and without one since 3.14 (2014). Who finds it empty sends the interrupt",
    functions: "__smp_call_single_queue(), llist_add(), call_single_queue",
    control: "each has run before the next is sent, and interrupts are on",
    next: "echo kind=async count=1000 wait=0 > ipi/call; cat ipi/call # fewer interrupts than calls",
}

const COUNT: usize = 50;

/// What all calls share.
struct Shared {
    runs: Atomic<usize>,
    /// How many ran in their turn, and in how many interrupts all of them did.
    in_turn: Atomic<usize>,
    interrupts: Atomic<usize>,
    last: Atomic<u64>,
    traffic: Arc<Attached<Traffic>>,
}

struct Call(Arc<Shared>, usize);

impl smp::Handler<smp::Kind> for Call {
    fn run(this: &Csd<Self>, off: &IrqsOff) {
        let shared = &this.0;
        let interrupt = shared.traffic.observer().interrupt(off);
        if shared.last.xchg(interrupt, Full) != interrupt {
            shared.interrupts.add(1, Relaxed);
        }
        let turn = shared.runs.load(Relaxed);
        shared.in_turn.add(usize::from(turn == this.1), Relaxed);
        shared.runs.fetch_add(1, Release);
    }
}

/// What was seen of all calls together.
struct Counts {
    queued: u64,
    sent: u64,
    runs: usize,
    in_turn: usize,
    interrupts: usize,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [sender, target] = trial.cpus()?;
    let seen = [Seen::Queued, Seen::Sent, Seen::Called];
    let traffic = Arc::new(Traffic::to(target, &seen)?, GFP_KERNEL)?;
    let counts = attempt(|| try_all(trial, sender, target, &traffic))?;
    evidence.note(fmt!(
        "CPU {} queued {} calls for CPU {}",
        sender.as_u32(),
        counts.queued,
        target.as_u32()
    ))?;
    evidence.check(
        counts.sent == 1,
        fmt!("interrupts sent for them: {}", counts.sent),
    )?;
    evidence.check(
        counts.runs == COUNT && counts.in_turn == COUNT,
        fmt!(
            "{} were made, {} in their turn",
            counts.runs,
            counts.in_turn
        ),
    )?;
    evidence.check(
        counts.interrupts == 1,
        fmt!("interrupts in which they were made: {}", counts.interrupts),
    )?;
    evidence.holds()
}

fn try_all(
    trial: &Trial<'_>,
    sender: CpuId,
    target: CpuId,
    traffic: &Arc<Attached<Traffic>>,
) -> Answer<Option<Counts>> {
    let shared = Arc::new(
        Shared {
            runs: Atomic::new(0),
            in_turn: Atomic::new(0),
            interrupts: Atomic::new(0),
            last: Atomic::new(0),
            traffic: traffic.clone(),
        },
        GFP_KERNEL,
    )?;
    let mut calls = KVec::with_capacity(COUNT, GFP_KERNEL)?;
    for number in 0..COUNT {
        let call = KBox::pin_init(Csd::new(Ok(Call(shared.clone(), number))), GFP_KERNEL)?;
        calls.push(call, GFP_KERNEL)?;
    }
    let seen = |what| traffic.observer().on(sender, what);
    // What the sender has done for these calls: it may have woken the target before.
    let (queued, sent) = (Atomic::new(0), Atomic::new(0));
    let is_control = trial.is_control();
    let is_sent = Atomic::new(false);
    let runs = || shared.runs.load(Acquire);
    let is_in_time = Hold::off_unless(is_control, target).during(
        trial,
        &[sender],
        |_here| {
            let before = (seen(Seen::Queued), seen(Seen::Sent));
            for (number, call) in calls.iter().enumerate() {
                let _ = call.call_on(target);
                if is_control {
                    spin_until(|| runs() > number);
                }
            }
            queued.store(seen(Seen::Queued) - before.0, Relaxed);
            sent.store(seen(Seen::Sent) - before.1, Relaxed);
            is_sent.store(true, Release);
        },
        || is_sent.load(Acquire),
        || (),
    )?;
    // They come late, or not at all.
    if !trial.eventually(2000, || runs() == COUNT) || !is_in_time && !is_control {
        return Ok(None);
    }
    let counts = Counts {
        queued: queued.load(Relaxed),
        sent: sent.load(Relaxed),
        runs: runs(),
        in_turn: shared.in_turn.load(Relaxed),
        interrupts: shared.interrupts.load(Relaxed),
    };
    // Somebody else's call among them, or before them, is another experiment.
    let is_alone = counts.queued == COUNT as u64 && counts.sent > 0;
    Ok(is_alone.then_some(counts))
}
