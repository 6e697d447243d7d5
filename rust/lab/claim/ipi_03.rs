// SPDX-License-Identifier: GPL-2.0

//! IPI-03: a call to another CPU is synchronous at the sender, asynchronous at the receiver.
//!
//! At the sender if it wants to wait. The receiver is held with interrupts off: a sender
//! that waits is still waiting when it is let go, one that does not has returned, with
//! nothing done. In both cases the call interrupts whatever the receiver does then.

use super::{
    judge,
    skip,
    Claim,
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

pub(super) const CLAIM: Claim = Claim {
    id: "IPI-03",
    text: "a call to another CPU is synchronous at the sender, asynchronous at the receiver",
    control: "the sender never waits",
    run,
};

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

fn run(trial: &Trial<'_>) -> Answer<Finding> {
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
