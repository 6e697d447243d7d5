// SPDX-License-Identifier: GPL-2.0

//! There are two priorities, made at once or from a queue.
//!
//! There is one queue for each CPU, and one interrupt for what is in it. But its calls are not made
//! in their order: those that somebody waits for come first.

use crate::{
    claim::prelude::*,
    hold::{
        attempt,
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
    quote: "At least two priority levels are available: - High priority leads to immediate processing of the IPI at the recipient […] - Low priority generally lead to queueing the requests and process them in a serialized way",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "all calls are queued, and one interrupt serves what is in the queue; but since 5.8 (2020) those that somebody waits for are made before the others",
    functions: "__flush_smp_call_function_queue(), csd_lock()",
    control: "nobody waits for the last one either",
    next: "echo kind=contended senders=2 count=100 > ipi/call; cat ipi/call # calls and interrupts",
}

/// Calls, in the order in which they are queued; somebody waits for the last.
const CALLS: usize = 3;

/// When each call was made: its place, from 1, and the number of the interrupt.
struct Order {
    next: Atomic<u32>,
    places: [Atomic<u32>; CALLS],
    interrupts: [Atomic<u64>; CALLS],
    traffic: Arc<Attached<Traffic>>,
}

impl Order {
    fn note(&self, call: usize, off: &IrqsOff) {
        let place = self.next.fetch_add(1, Full) + 1;
        let interrupt = self.traffic.observer().interrupt(off);
        self.interrupts[call].store(interrupt, Relaxed);
        self.places[call].store(place, Release);
    }
}

struct Call(Arc<Order>, usize);

impl smp::Handler<smp::Kind> for Call {
    fn run(this: &Csd<Self>, off: &IrqsOff) {
        this.0.note(this.1, off);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [sender, target] = trial.cpus()?;
    let seen = [Seen::Queued, Seen::Called];
    let traffic = Arc::new(Traffic::to(target, &seen)?, GFP_KERNEL)?;
    let order = attempt(|| try_order(trial, sender, target, &traffic))?;
    let [first, second, last] = order.map(|(place, _)| place);
    let interrupts = order.map(|(_, interrupt)| interrupt);
    // Queued or not, what is urgent would have come by an interrupt of its own.
    let is_one = interrupts[0] != 0 && interrupts.iter().all(|other| *other == interrupts[0]);

    evidence.note(fmt!(
        "queued for CPU {}, which has interrupts off: two calls that nobody waits for, then one {}",
        target.as_u32(),
        trial.pick("that the sender waits for", "more")
    ))?;
    evidence.check(
        (last, first, second) == (1, 2, 3),
        fmt!("made as number {first}, {second} and {last}"),
    )?;
    evidence.note(fmt!(
        "in {}",
        if is_one {
            "one interrupt"
        } else {
            "several interrupts"
        }
    ))?;
    if is_one {
        evidence.outdated()
    } else {
        evidence.holds()
    }
}

/// Place and interrupt of each call.
fn try_order(
    trial: &Trial<'_>,
    sender: CpuId,
    target: CpuId,
    traffic: &Arc<Attached<Traffic>>,
) -> Answer<Option<[(u32, u64); CALLS]>> {
    let order = Arc::new(
        Order {
            next: Atomic::new(0),
            places: [const { Atomic::new(0) }; CALLS],
            interrupts: [const { Atomic::new(0) }; CALLS],
            traffic: traffic.clone(),
        },
        GFP_KERNEL,
    )?;
    let call = |number| KBox::pin_init(Csd::new(Ok(Call(order.clone(), number))), GFP_KERNEL);
    let calls = [call(0)?, call(1)?, call(2)?];
    let queued = || traffic.observer().on(sender, Seen::Queued);
    // How many the sender had queued before these, plus 1: it may have woken the target.
    let before = Atomic::new(0);
    let nr_queued = || (queued() + 1).saturating_sub(before.load(Acquire));
    let total = Atomic::new(0);
    let is_waiting = !trial.is_control();
    let is_in_time = Hold::off_unless(false, target).during(
        trial,
        &[sender],
        |here| {
            before.store(queued() + 1, Release);
            let _ = calls[0].call_on(target);
            let _ = calls[1].call_on(target);
            if is_waiting {
                let _ = smp::call_on(target, here.task, |off| order.note(2, off));
            } else {
                let _ = calls[2].call_on(target);
            }
            // Who waits for the sender may have to be woken on the target, too.
            total.store(nr_queued(), Release);
        },
        || before.load(Acquire) > 0 && nr_queued() >= CALLS as u64,
        || (),
    )?;
    let have_run = || order.places.iter().all(|place| place.load(Acquire) > 0);
    // With a call of somebody else's among them it is another experiment.
    if !is_in_time || total.load(Acquire) != CALLS as u64 || !trial.eventually(2000, have_run) {
        return Ok(None);
    }
    Ok(Some(core::array::from_fn(|call| {
        let place = order.places[call].load(Relaxed);
        (place, order.interrupts[call].load(Relaxed))
    })))
}
