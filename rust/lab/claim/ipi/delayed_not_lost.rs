// SPDX-License-Identifier: GPL-2.0

//! A CPU that has interrupts off delays a call, and does not lose it.
//!
//! The CPU measures itself, from when it sees that the call was sent.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    hold::{
        attempt,
        Hold, //
    },
    refusal::Answer,
};
use irqlab::{
    clock,
    context::IrqsOff,
    cpu::CpuId,
    emit, lapic,
    smp::{
        self,
        Csd, //
    },
    text::Text,
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
    quote: "When an interrupt is masked is temporarily ignored by the CPU.",
    section: "Classification",
    today: "ignored, and kept: it waits in the request register of the CPU's local APIC until interrupts are on again",
    functions: "sysvec_call_function_single(); the local APIC's IRR",
    control: "interrupts stay on",
    next: "echo target=irqs_off hold_us=2000 > ipi/matrix; cat ipi/matrix",
}

/// For how long interrupts are off after a call was sent.
const HELD_NS: [u64; 3] = [20_000, 200_000, 2_000_000];
const COUNT: u32 = 5;

/// When it was called.
struct Mark {
    at_ns: Atomic<u64>,
    runs: Atomic<u32>,
}

impl smp::Handler for Mark {
    fn run(this: &Csd<Self>, _off: &IrqsOff) {
        this.at_ns.store(clock::now_ns(), Relaxed);
        this.runs.fetch_add(1, Release);
    }
}

/// Counts over all times, for one time that interrupts are off.
#[derive(Default)]
struct Counts {
    /// How many had been made before interrupts were on, and how many in the end.
    before: u32,
    made: u32,
    /// How many waited in the local APIC until then.
    waiting: u32,
    shortest_ns: u64,
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let [sender, target] = trial.cpus()?;
    trial.judge_by_clock();
    let mut evidence = Text::new();
    let mut holds = true;
    for held_ns in HELD_NS {
        let mut counts = Counts {
            shortest_ns: u64::MAX,
            ..Counts::default()
        };
        for _ in 0..COUNT {
            attempt(|| try_one(trial, sender, target, held_ns, &mut counts))?;
        }
        holds &= counts.before == 0
            && counts.made == COUNT
            && counts.waiting == COUNT
            && counts.shortest_ns >= held_ns;
        evidence.separate("; ")?;
        emit!(
            &mut evidence,
            "for {} us: {} waited in the local APIC, {} made by then, {} in the end, {} us after they \
             were sent at least",
            held_ns / 1000,
            counts.waiting,
            counts.before,
            counts.made,
            counts.shortest_ns / 1000
        )?;
    }
    judge!(
        holds,
        "{} calls each to CPU {}, interrupts {} {}",
        COUNT,
        target.as_u32(),
        if trial.is_control() { "on" } else { "off" },
        evidence
    )
}

fn try_one(
    trial: &Trial<'_>,
    sender: CpuId,
    target: CpuId,
    held_ns: u64,
    counts: &mut Counts,
) -> Answer<Option<()>> {
    let mark = Mark {
        at_ns: Atomic::new(0),
        runs: Atomic::new(0),
    };
    let call = KBox::pin_init(Csd::new(Ok(mark)), GFP_KERNEL)?;
    let (is_sent, seen_ns) = (Atomic::new(false), Atomic::new(0));
    let (before, is_waiting) = (Atomic::new(0), Atomic::new(false));
    let is_in_time = Hold::off_unless(trial.is_control(), target).during(
        trial,
        &[sender],
        |_here| {
            let is_called = call.call_on(target).is_ok();
            is_sent.store(is_called, Release);
        },
        || {
            if !is_sent.load(Acquire) {
                return false;
            }
            seen_ns.store(clock::now_ns(), Relaxed);
            clock::spin_ns(held_ns);
            true
        },
        || {
            before.store(call.runs.load(Acquire), Relaxed);
            // Or under that of calls for several CPUs, if there was one before.
            let waits = lapic::is_requested(lapic::CALL_FUNCTION_SINGLE_VECTOR)
                || lapic::is_requested(lapic::CALL_FUNCTION_VECTOR);
            is_waiting.store(waits, Relaxed);
        },
    )?;
    if !is_in_time {
        return Ok(None);
    }
    trial.eventually(2000, || call.runs.load(Acquire) > 0);
    counts.before += before.load(Relaxed);
    counts.made += call.runs.load(Acquire);
    counts.waiting += u32::from(is_waiting.load(Relaxed));
    // Before it was seen to be sent is no delay at all.
    let delay_ns = call
        .at_ns
        .load(Relaxed)
        .saturating_sub(seen_ns.load(Relaxed));
    counts.shortest_ns = counts.shortest_ns.min(delay_ns);
    Ok(Some(()))
}
