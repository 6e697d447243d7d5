// SPDX-License-Identifier: GPL-2.0

//! The vectors by which CPUs interrupt each other: to have a function called, to reschedule, to
//! invalidate the TLB.
//!
//! Each is sent to a CPU that has interrupts off, so that it waits under its vector in the local
//! APIC; then the kernel's tracepoint tells by which vector the CPU took it. Whether there is one
//! for TLBs the gates of the IDT tell; how TLBs are invalidated is IPI-08.

use crate::{
    claim::prelude::*,
    hold::{
        attempt,
        spin_until,
        Hold, //
    },
    waiting, //
};
use irqlab::{
    context::{
        IrqsOff,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId,
        Set, //
    },
    idt::Idt,
    lapic,
    smp::{
        self,
        Counter,
        NoWait, //
    },
    symbol::Name,
    tracepoint::{
        Attached,
        CallFunctionEntry,
        CallFunctionSingleEntry,
        Observer,
        RescheduleEntry, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "The Linux kernel makes use of three kinds if inter-processor interrupts: CALL_FUNCTION_VECTOR (0xfb) […]; RESCHEDULE_VECTOR (0xfc) […]; INVALIDATE_TLB_VECTOR (0xfd)",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "0xfc for a call of several CPUs, 0xfb for that of one, which got a vector of its own in 2.6.27 (2008), 0xfd to reschedule; TLBs have none since 3.6 (2012): they are invalidated by calls. The numbers of the text are those of 32-bit kernels until 2.6.26",
    functions: "sysvec_call_function(), sysvec_call_function_single(), sysvec_reschedule_ipi()",
    control: "looks for the vectors of the text in the local APIC",
    next: "cat idt ipi/counters # all 256 gates with their handlers; how often each CPU was interrupted",
}

/// What one CPU sends to another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A call of several CPUs.
    Several,
    /// A call of one.
    One,
    Reschedule,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Several, Kind::One, Kind::Reschedule];

    const fn name(self) -> &'static str {
        match self {
            Kind::Several => "a call of several CPUs",
            Kind::One => "a call of one CPU",
            Kind::Reschedule => "a reschedule interrupt",
        }
    }

    /// By the text.
    const fn of_the_text(self) -> u8 {
        match self {
            Kind::Several | Kind::One => 0xfb,
            Kind::Reschedule => 0xfc,
        }
    }

    /// By the kernel's headers.
    const fn of_the_kernel(self) -> u8 {
        match self {
            Kind::Several => lapic::CALL_FUNCTION_VECTOR,
            Kind::One => lapic::CALL_FUNCTION_SINGLE_VECTOR,
            Kind::Reschedule => lapic::RESCHEDULE_VECTOR,
        }
    }

    const fn counter(self) -> Counter {
        match self {
            Kind::Several | Kind::One => Counter::CallFunction,
            Kind::Reschedule => Counter::Reschedule,
        }
    }
}

/// By which vector the target was interrupted last, for each kind; 0 if it was not.
struct Taken {
    target: CpuId,
    vectors: [Atomic<u32>; Kind::ALL.len()],
}

impl Taken {
    fn note(&self, kind: Kind, vector: u8) {
        if CpuId::current() == self.target {
            self.vectors[kind as usize].store(vector.into(), Relaxed);
        }
    }

    fn last(&self, kind: Kind) -> u8 {
        self.vectors[kind as usize].load(Relaxed) as u8
    }
}

impl Observer<CallFunctionEntry> for Taken {
    fn observe(&self, event: &CallFunctionEntry, _context: &Unsleeping) {
        self.note(Kind::Several, event.vector);
    }
}

impl Observer<CallFunctionSingleEntry> for Taken {
    fn observe(&self, event: &CallFunctionSingleEntry, _context: &Unsleeping) {
        self.note(Kind::One, event.vector);
    }
}

impl Observer<RescheduleEntry> for Taken {
    fn observe(&self, event: &RescheduleEntry, _context: &Unsleeping) {
        self.note(Kind::Reschedule, event.vector);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [sender, target] = trial.cpus()?;
    let third = cpu::online().nth(2);
    let taken = Taken {
        target,
        vectors: [const { Atomic::new(0) }; Kind::ALL.len()],
    };
    let mut attached = Attached::new(Arc::new(taken, GFP_KERNEL)?);
    attached.to::<CallFunctionEntry>()?;
    attached.to::<CallFunctionSingleEntry>()?;
    attached.to::<RescheduleEntry>()?;
    let taken = attached.observer();

    let mut is_as_in_the_text = true;
    for kind in Kind::ALL {
        if kind == Kind::Several && third.is_none() {
            evidence.note(fmt!("{} takes three CPUs", kind.name()))?;
            continue;
        }
        let vector = trial.pick(kind.of_the_kernel(), kind.of_the_text());
        let cpus = (sender, target, third);
        let seen = attempt(|| try_one(trial, kind, vector, cpus, taken))?;
        is_as_in_the_text &= vector == kind.of_the_text();
        evidence.check(
            seen.is_waiting,
            fmt!(
                "{} {} in the local APIC under {:#x}",
                kind.name(),
                if seen.is_waiting {
                    "waited"
                } else {
                    "did not wait"
                },
                vector
            ),
        )?;
        evidence.check(
            seen.vector == vector,
            fmt!(
                "CPU {} took it by {:#x}, {}()",
                target.as_u32(),
                seen.vector,
                handler_of(seen.vector).function()
            ),
        )?;
        evidence.check(
            seen.counted > 0,
            fmt!("the kernel counted {}", seen.counted),
        )?;
    }
    let idt = Idt::current();
    let is_for_tlbs = |name: &str| name.contains("tlb") || name.contains("invalidate");
    let nr_for_tlbs = idt
        .gates()
        .filter(|gate| is_for_tlbs(Name::of(gate.handler).function()))
        .count();
    evidence.note(fmt!("{} of {} gates are for TLBs", nr_for_tlbs, idt.len()))?;
    if is_as_in_the_text && nr_for_tlbs > 0 {
        evidence.holds()
    } else {
        evidence.outdated()
    }
}

fn handler_of(vector: u8) -> Name {
    let gate = Idt::current().gates().nth(vector.into());
    Name::of(gate.map_or(0, |gate| gate.handler))
}

/// What became of one that was sent.
struct Seen {
    /// Whether it waited in the local APIC under the vector that was looked for.
    is_waiting: bool,
    /// By which it was taken.
    vector: u8,
    /// By how many the kernel's count has grown.
    counted: u32,
}

/// Sends one. Nothing if the target took no interrupt for it, as somebody else's call was in the queue
/// before it.
fn try_one(
    trial: &Trial<'_>,
    kind: Kind,
    vector: u8,
    (sender, target, third): (CpuId, CpuId, Option<CpuId>),
    taken: &Taken,
) -> Answer<Option<Seen>> {
    taken
        .vectors
        .iter()
        .for_each(|taken| taken.store(0, Relaxed));
    let call = KBox::pin_init(NoWait::new(|_off: &IrqsOff| ()), GFP_KERNEL)?;
    let both = Set::of([Some(target), third].into_iter().flatten())?;
    // A third one that is busy, too, needs an interrupt.
    let mut senders = KVec::new();
    for cpu in [Some(sender), third].into_iter().flatten() {
        senders.push(cpu, GFP_KERNEL)?;
    }
    let (is_there, is_sent, is_over) = (Atomic::new(false), Atomic::new(false), Atomic::new(false));
    let is_waiting = Atomic::new(false);
    let before = kind.counter().on(target);
    let is_in_time = Hold::off_unless(false, target).during(
        trial,
        &senders,
        |here| {
            if here.cpu != sender {
                is_there.store(true, Release);
                spin_until(|| is_over.load(Acquire));
                return;
            }
            if third.is_some() && !spin_until(|| is_there.load(Acquire)) {
                return;
            }
            let sent = match kind {
                Kind::Several => {
                    call.call_many(&both, here.task);
                    Ok(())
                }
                Kind::One => call.call_on(target, here.task),
                Kind::Reschedule => smp::reschedule(target),
            };
            is_sent.store(sent.is_ok(), Release);
        },
        || {
            let is_sent = is_sent.load(Acquire);
            if is_sent {
                is_waiting.store(waiting::arrives(vector), Relaxed);
            }
            is_sent
        },
        || is_over.store(true, Release),
    )?;
    if !is_in_time || !trial.eventually(200, || taken.last(kind) != 0) {
        return Ok(None);
    }
    let seen = Seen {
        is_waiting: is_waiting.load(Relaxed),
        vector: taken.last(kind),
        counted: kind.counter().on(target).wrapping_sub(before),
    };
    // Taken by this vector, but later: it was another one.
    let is_other = !trial.is_control() && !seen.is_waiting && seen.vector == vector;
    Ok((!is_other).then_some(seen))
}
