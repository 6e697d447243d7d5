// SPDX-License-Identifier: GPL-2.0

//! A CPU that has interrupts off delays a call, and does not lose it.
//!
//! The CPU measures itself, from when it sees that the call was sent.

use crate::{
    claim::prelude::*,
    hold::{
        attempt,
        Hold, //
    },
};
use irqlab::{
    clock,
    context::IrqsOff,
    cpu::CpuId,
    lapic,
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

impl smp::Handler<smp::Kind> for Mark {
    fn run(this: &Csd<Self>, _off: &IrqsOff) {
        this.at_ns.store(clock::now_ns(), Relaxed);
        this.runs.fetch_add(1, Release);
    }
}

/// Counts over all times, for one time that interrupts are off.
struct Counts {
    /// How many had been made before interrupts were on, and how many in the end.
    before: u32,
    made: u32,
    /// How many waited in the local APIC until then.
    waiting: u32,
    shortest_ns: u64,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [sender, target] = trial.cpus()?;
    trial.judge_by_clock();
    evidence.note(fmt!(
        "CPU {} calls CPU {}, which has interrupts {}",
        sender.as_u32(),
        target.as_u32(),
        trial.pick("off", "on")
    ))?;
    for held_ns in HELD_NS {
        let mut counts = Counts {
            before: 0,
            made: 0,
            waiting: 0,
            shortest_ns: u64::MAX,
        };
        for _ in 0..COUNT {
            attempt(|| try_one(trial, sender, target, held_ns, &mut counts))?;
        }
        evidence.check(
            (counts.waiting, counts.before) == (COUNT, 0),
            fmt!(
                "{COUNT} times for {} us more: {} waited in the local APIC, {} were made by then",
                held_ns / 1000,
                counts.waiting,
                counts.before
            ),
        )?;
        evidence.check(
            counts.made == COUNT && counts.shortest_ns >= held_ns,
            fmt!(
                "{} in the end, after {} us at least",
                counts.made,
                counts.shortest_ns / 1000
            ),
        )?;
    }
    evidence.holds()
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
    if !is_in_time || !trial.eventually(2000, || call.runs.load(Acquire) > 0) {
        return Ok(None);
    }
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
