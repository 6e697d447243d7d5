// SPDX-License-Identifier: GPL-2.0

//! A call of another CPU is synchronous at the sender, if the sender wants to wait, and asynchronous
//! at the receiver.
//!
//! The receiver is held with interrupts off: a sender that waits is still waiting when it is let go,
//! one that does not has returned, with nothing done. In both cases the call interrupts whatever
//! the receiver does then.

use crate::{
    claim::prelude::*,
    hold::{
        attempt,
        Hold, //
    },
    runs::Runs,
    traffic::{
        Seen,
        Traffic, //
    },
};
use irqlab::{
    cpu::CpuId,
    smp::{
        self,
        Csd, //
    },
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Relaxed,
    Release, //
};

claim! {
    quote: "IPIs are generated at firmware level, but are processed at software level: - synchronous at the sender - asynchronous at the receiver",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "synchronous if the sender asks for it: it spins until the function has returned. One that does not ask goes on at once",
    functions: "smp_call_function_single(), csd_lock_wait(), smp_call_function_single_async()",
    control: "the sender never waits",
    next: "echo target=irqs_off hold_us=500 > ipi/matrix; cat ipi/matrix # how long a sender waits for a \
           CPU with interrupts off",
}

const COUNT: u32 = 5;

/// Counts over all calls of a kind.
#[derive(Default)]
struct Calls {
    /// How many had returned before the receiver was let go.
    returned_before: u32,
    /// How many had been made when they returned.
    made_at_return: u32,
    /// How many were made in the end, and how many of them in an interrupt.
    made: u64,
    interrupts: u64,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [sender, receiver] = trial.cpus()?;
    let traffic = Traffic::to(receiver, &[Seen::Queued])?;
    let queued = || traffic.observer().on(sender, Seen::Queued);
    let waits = !trial.is_control();
    let (mut waiting, mut others) = (Calls::default(), Calls::default());
    for _ in 0..COUNT {
        attempt(|| try_one(trial, sender, receiver, waits, &queued, &mut waiting))?;
        attempt(|| try_one(trial, sender, receiver, false, &queued, &mut others))?;
    }
    evidence.note(fmt!(
        "CPU {} calls CPU {}, which has interrupts off",
        sender.as_u32(),
        receiver.as_u32()
    ))?;
    for (waits, calls, returned_before, made_at_return) in
        [(waits, waiting, 0, COUNT), (false, others, COUNT, 0)]
    {
        evidence.check(
            calls.returned_before == returned_before,
            fmt!(
                "{COUNT} times {} waiting: {} returned before interrupts were on",
                if waits { "with" } else { "without" },
                calls.returned_before
            ),
        )?;
        evidence.check(
            calls.made_at_return == made_at_return,
            fmt!("{} had been made when they returned", calls.made_at_return),
        )?;
        let count = u64::from(COUNT);
        evidence.check(
            (calls.made, calls.interrupts) == (count, count),
            fmt!(
                "{} were made, {} as an interrupt",
                calls.made,
                calls.interrupts
            ),
        )?;
    }
    evidence.holds()
}

fn try_one(
    trial: &Trial<'_>,
    sender: CpuId,
    receiver: CpuId,
    waits: bool,
    queued: &(dyn Fn() -> u64 + Sync),
    calls: &mut Calls,
) -> Answer<Option<()>> {
    let call = KBox::pin_init(Csd::new(Ok(Runs::new())), GFP_KERNEL)?;
    // How many the sender had queued before this one, plus 1.
    let before = Atomic::new(0);
    let has_returned = Atomic::new(false);
    let (returned_before, made_at_return) = (Atomic::new(false), Atomic::new(false));
    let is_in_time = Hold::off_unless(false, receiver).during(
        trial,
        &[sender],
        |here| {
            before.store(queued() + 1, Release);
            if waits {
                let _ = smp::call_on(receiver, here.task, |off| call.call(off));
            } else {
                let _ = call.call_on(receiver);
            }
            made_at_return.store(call.count() > 0, Relaxed);
            has_returned.store(true, Release);
        },
        || {
            let before = before.load(Acquire);
            has_returned.load(Acquire) || waits && before > 0 && queued() >= before
        },
        || returned_before.store(has_returned.load(Acquire), Relaxed),
    )?;
    if !is_in_time || !trial.eventually(2000, || call.count() > 0) {
        return Ok(None);
    }
    calls.returned_before += u32::from(returned_before.load(Relaxed));
    calls.made_at_return += u32::from(made_at_return.load(Relaxed));
    calls.made += call.count();
    calls.interrupts += call.in_hardirq();
    Ok(Some(()))
}
