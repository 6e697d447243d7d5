// SPDX-License-Identifier: GPL-2.0

//! A call to another CPU is synchronous at the sender, asynchronous at the receiver.
//!
//! At the sender if it wants to wait. The receiver is held with interrupts off: a sender
//! that waits is still waiting when it is let go, one that does not has returned, with
//! nothing done. In both cases the call interrupts whatever the receiver does then.

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
        Hold, //
    },
    refusal::Answer,
    runs::Runs,
    traffic::{
        Seen,
        Traffic, //
    },
};
use irqlab::{
    cpu::{
        self,
        CpuId, //
    },
    smp::{
        self,
        Csd, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
};

claim! {
    quote: "IPIs are generated at firmware level, but are processed at software level: - synchronous at the sender - asynchronous at the receiver",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "synchronous if the sender asks for it: it spins until the function has returned. One that does not ask goes on at once",
    functions: "smp_call_function_single(), csd_lock_wait(), smp_call_function_single_async()",
    control: "the sender never waits",
    next: "echo target=irqs_off hold_us=500 > ipi/matrix; cat ipi/matrix: how long a sender waits for a CPU with interrupts off",
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

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut cpus = cpu::online();
    let (Some(sender), Some(receiver)) = (cpus.next(), cpus.next()) else {
        skip!("one CPU");
    };
    let traffic = Traffic::to(receiver, &[Seen::Queued])?;
    let queued = || traffic.observer().on(sender, Seen::Queued);
    let (mut waiting, mut others) = (Calls::default(), Calls::default());
    for _ in 0..COUNT {
        let is_waiting = !trial.is_control();
        attempt(|| try_one(trial, sender, receiver, is_waiting, &queued, &mut waiting))?;
        attempt(|| try_one(trial, sender, receiver, false, &queued, &mut others))?;
    }
    let has_all =
        |calls: &Calls| calls.made == u64::from(COUNT) && calls.interrupts == u64::from(COUNT);
    judge!(
        has_all(&waiting)
            && waiting.returned_before == 0
            && waiting.made_at_return == COUNT
            && has_all(&others)
            && others.returned_before == COUNT
            && others.made_at_return == 0,
        "{} calls from CPU {} to CPU {}, which has interrupts off: {} returned before they were on, {} \
         had been made then, {} ran as an interrupt; {} without waiting: {}, {}, {}",
        waiting.made,
        sender.as_u32(),
        receiver.as_u32(),
        waiting.returned_before,
        waiting.made_at_return,
        waiting.interrupts,
        others.made,
        others.returned_before,
        others.made_at_return,
        others.interrupts
    )
}

fn try_one(
    trial: &Trial<'_>,
    sender: CpuId,
    receiver: CpuId,
    is_waiting: bool,
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
            if is_waiting {
                let _ = smp::call_on(receiver, here.task, |off| call.call(off));
            } else {
                let _ = call.call_on(receiver);
            }
            made_at_return.store(call.count() > 0, Relaxed);
            has_returned.store(true, Release);
        },
        || {
            let before = before.load(Acquire);
            has_returned.load(Acquire) || is_waiting && before > 0 && queued() >= before
        },
        || returned_before.store(has_returned.load(Acquire), Relaxed),
    )?;
    if !is_in_time {
        return Ok(None);
    }
    trial.eventually(2000, || call.count() > 0);
    calls.returned_before += u32::from(returned_before.load(Relaxed));
    calls.made_at_return += u32::from(made_at_return.load(Relaxed));
    calls.made += call.count();
    calls.interrupts += call.in_hardirq();
    Ok(Some(()))
}
