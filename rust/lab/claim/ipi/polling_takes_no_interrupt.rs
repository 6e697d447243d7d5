// SPDX-License-Identifier: GPL-2.0

//! An idle CPU that polls gets no interrupt.
//!
//! It looks at a flag in memory, which who has put a call into its queue sets in place of sending an
//! interrupt. Idle CPUs poll all the time if the kernel was booted to do so, and else for a moment
//! at most, if at all.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    hold::spin_until,
    traffic::{
        Seen,
        Traffic, //
    },
};
use irqlab::{
    context::{
        IrqsOff,
        Snapshot, //
    },
    cpu::{
        self,
        CpuId, //
    },
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
    quote: "idle=poll:  Don't do power saving in the idle loop using HLT, but poll for rescheduling event.",
    section: "The kernel's documentation, kernel-parameters.txt; the text does not mention it",
    today: "who puts a call into the queue of a CPU that polls sets a flag in its memory in place of an interrupt: since 3.16 (2014) to reschedule, since 5.8 (2020) for calls",
    functions: "call_function_single_prep_ipi(), set_nr_if_polling(), flush_smp_call_function_queue()",
    control: "the CPU is busy",
    next: "# on the host: make shell APPEND=idle=poll; there: echo IPI-11 > claims; grep ^IPI-11 claims",
}

const COUNT: u32 = 30;

/// What is called: it notes what the CPU did otherwise.
struct Mark {
    runs: Atomic<u32>,
    interrupts: Atomic<u32>,
    /// How often it was in the place of the idle task.
    idle: Atomic<u32>,
}

impl smp::Handler<smp::Kind> for Mark {
    fn run(this: &Csd<Self>, off: &IrqsOff) {
        this.interrupts
            .add(u32::from(off.hard_irq().is_some()), Relaxed);
        this.idle.add(u32::from(Snapshot::take().pid == 0), Relaxed);
        this.runs.fetch_add(1, Release);
    }
}

/// Counts over all calls.
struct Counts {
    made: u32,
    idle: u32,
    interrupts: u32,
    sent: u64,
    spared: u64,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if !trial.is_control() && !cpu::is_idle_polling() {
        skip!("idle CPUs halt here: boot with idle=poll to see it");
    }
    let [sender, _] = trial.cpus()?;
    let target = cpu::online().last().unwrap_or(sender);
    let attached = Traffic::to(target, &[Seen::Sent, Seen::Spared])?;
    let counts = count(trial, attached.observer(), [sender, target])?;
    if !trial.is_control() && (counts.made < COUNT || counts.idle <= COUNT / 2) {
        skip!(
            Busy: "{} of {COUNT} calls found CPU {} idle",
            counts.idle,
            target.as_u32()
        );
    }
    evidence.check(
        counts.idle > COUNT / 2,
        fmt!(
            "{} calls of CPU {}: {} found it idle",
            counts.made,
            target.as_u32(),
            counts.idle
        ),
    )?;
    // It may have just been busy, or on its way into or out of the idle loop.
    let spared = counts.made.saturating_sub(counts.interrupts);
    evidence.check(
        spared > COUNT / 2,
        fmt!("{} ran in an interrupt", counts.interrupts),
    )?;
    evidence.check(
        counts.spared >= u64::from(spared),
        fmt!(
            "the kernel sent {} interrupts, and found that it needs none {} times",
            counts.sent,
            counts.spared
        ),
    )?;
    evidence.holds()
}

fn count(trial: &Trial<'_>, traffic: &Traffic, [sender, target]: [CpuId; 2]) -> Answer<Counts> {
    let mark = Mark {
        runs: Atomic::new(0),
        interrupts: Atomic::new(0),
        idle: Atomic::new(0),
    };
    let call = KBox::pin_init(Csd::new(Ok(mark)), GFP_KERNEL)?;
    let seen = |what| traffic.on(sender, what);
    let (sent, spared) = (seen(Seen::Sent), seen(Seen::Spared));
    let is_over = Atomic::new(false);
    let busy = trial.is_control().then_some(target);
    let cpus = [Some(sender), busy].into_iter().flatten();
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        if here.cpu != sender {
            while !is_over.load(Acquire) {
                core::hint::spin_loop();
                here.task.yield_if_needed();
            }
            return;
        }
        for number in 0..COUNT {
            // Until it has nothing to do, and after the tick.
            here.task.sleep_ms(2);
            let _ = call.call_on(target);
            if !spin_until(|| call.runs.load(Acquire) > number) {
                break;
            }
        }
        is_over.store(true, Release);
    })?;
    Ok(Counts {
        made: call.runs.load(Acquire),
        idle: call.idle.load(Relaxed),
        interrupts: call.interrupts.load(Relaxed),
        sent: seen(Seen::Sent) - sent,
        spared: seen(Seen::Spared) - spared,
    })
}
