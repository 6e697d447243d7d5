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
    traffic::{
        Seen,
        Traffic, //
    },
};
use irqlab::{
    context::IrqsOff,
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

/// What is called: it notes that it was, and in which context.
struct Mark {
    runs: Atomic<u32>,
    interrupts: Atomic<u32>,
}

impl Mark {
    fn note(&self, off: &IrqsOff) {
        self.interrupts
            .add(u32::from(off.hard_irq().is_some()), Relaxed);
        self.runs.fetch_add(1, Release);
    }
}

impl smp::Handler for Mark {
    fn run(this: &Csd<Self>, off: &IrqsOff) {
        this.note(off);
    }
}

/// Counts over all calls of a kind.
#[derive(Default)]
struct Calls {
    /// How many had returned before the receiver was let go.
    returned_before: u32,
    /// How many had been made when they returned.
    made_at_return: u32,
    /// How many were made in the end, and how many of them in an interrupt.
    made: u32,
    interrupts: u32,
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
    let has_all = |calls: &Calls| calls.made == COUNT && calls.interrupts == COUNT;
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
    let mark = Mark {
        runs: Atomic::new(0),
        interrupts: Atomic::new(0),
    };
    let call = KBox::pin_init(Csd::new(Ok(mark)), GFP_KERNEL)?;
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
                let _ = smp::call_on(receiver, here.task, |off| call.note(off));
            } else {
                let _ = call.call_on(receiver);
            }
            made_at_return.store(call.runs.load(Acquire) > 0, Relaxed);
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
    trial.eventually(2000, || call.runs.load(Acquire) > 0);
    calls.returned_before += u32::from(returned_before.load(Relaxed));
    calls.made_at_return += u32::from(made_at_return.load(Relaxed));
    calls.made += call.runs.load(Acquire);
    calls.interrupts += call.interrupts.load(Relaxed);
    Ok(Some(()))
}
