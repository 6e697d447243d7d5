// SPDX-License-Identifier: GPL-2.0

//! An idle CPU that polls gets no interrupt.
//!
//! It looks for a flag in memory, which who has put a call into its queue sets in place of
//! sending an interrupt. Whether an idle CPU polls is seen by just this: where calls to it
//! take an interrupt, it halts.

use crate::claim::{
    claim,
    judge,
    skip,
    Finding,
    Trial, //
};
use crate::{
    hold::spin_until,
    refusal::Answer,
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
        Counter,
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
    quote: "idle=poll:  Don't do power saving in the idle loop using HLT, but poll for rescheduling event.",
    section: "The kernel's documentation, kernel-parameters.txt; the text does not mention it",
    today: "who puts a call into the queue of a CPU that polls sets a flag in its memory in place of an interrupt: since 3.16 (2014) to reschedule, since 5.8 (2020) for calls",
    functions: "call_function_single_prep_ipi(), set_nr_if_polling(), flush_smp_call_function_queue()",
    control: "the CPU is busy",
    next: "boot with idle=poll, then: echo IPI-11 > claims; grep ^IPI-11 claims",
}

const COUNT: u32 = 30;
/// For a first look.
const FEW: u32 = 6;

/// What is called: it notes what the CPU did otherwise.
struct Mark {
    runs: Atomic<u32>,
    interrupts: Atomic<u32>,
    /// How often it was in the place of the idle task.
    idle: Atomic<u32>,
}

impl smp::Handler for Mark {
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
    /// By how many the kernel's count of calls has grown.
    counted: u32,
}

impl Counts {
    /// Whether the CPU had so much else to do that the calls did not come, or not when it was idle.
    fn is_disturbed(&self) -> bool {
        self.made < COUNT || self.idle <= COUNT / 2
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut cpus = cpu::online();
    let (Some(sender), Some(target)) = (cpus.next(), cpus.last()) else {
        skip!("one CPU");
    };
    let cpus = [sender, target];
    let attached = Traffic::to(target, &[Seen::Sent, Seen::Spared])?;
    let traffic = attached.observer();
    let mut counts = count(trial, traffic, cpus, FEW, false)?;
    // One that halts polls as well, for a moment before.
    let halts = |counts: &Counts| !cpu::is_idle_polling() && 2 * counts.interrupts > counts.made;
    let is_shown = trial.is_control() || !halts(&counts);
    if is_shown {
        counts = count(trial, traffic, cpus, COUNT, trial.is_control())?;
    }
    if !trial.is_control() && (halts(&counts) || counts.is_disturbed()) {
        skip!(
            "{}: {} calls to CPU {}, {} found it idle, {} interrupts sent, {} counted",
            if halts(&counts) {
                "idle CPUs halt here, but if booted with idle=poll"
            } else {
                "the machine is too busy"
            },
            counts.made,
            target.as_u32(),
            counts.idle,
            counts.sent,
            counts.counted
        );
    }
    // It may have just been busy, or on its way into or out of the idle loop.
    let spared = counts.made - counts.interrupts;
    judge!(
        counts.made == COUNT
            && counts.idle > COUNT / 2
            && spared > COUNT / 2
            && counts.spared >= u64::from(spared)
            && counts.counted < COUNT / 2,
        "{} calls to CPU {}: {} found it idle, {} ran in an interrupt; the kernel sent {}, found that it \
         needs none {} times, and counted {} there",
        counts.made,
        target.as_u32(),
        counts.idle,
        counts.interrupts,
        counts.sent,
        counts.spared,
        counts.counted
    )
}

fn count(
    trial: &Trial<'_>,
    traffic: &Traffic,
    [sender, target]: [CpuId; 2],
    nr_calls: u32,
    is_busy: bool,
) -> Answer<Counts> {
    let mark = Mark {
        runs: Atomic::new(0),
        interrupts: Atomic::new(0),
        idle: Atomic::new(0),
    };
    let call = KBox::pin_init(Csd::new(Ok(mark)), GFP_KERNEL)?;
    let seen = |what| traffic.on(sender, what);
    let (sent, spared) = (seen(Seen::Sent), seen(Seen::Spared));
    let counted = Counter::CallFunction.on(target);
    let is_over = Atomic::new(false);
    let cpus = [Some(sender), is_busy.then_some(target)];
    let cpus = cpus.into_iter().flatten();
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        if here.cpu != sender {
            while !is_over.load(Acquire) {
                core::hint::spin_loop();
                here.task.yield_if_needed();
            }
            return;
        }
        for number in 0..nr_calls {
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
        counted: Counter::CallFunction.on(target).wrapping_sub(counted),
    })
}
