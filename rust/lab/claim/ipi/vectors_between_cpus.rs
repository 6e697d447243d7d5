// SPDX-License-Identifier: GPL-2.0

//! CPUs interrupt each other by vector 0xfb to have a function called, 0xfc to
//! reschedule, 0xfd to invalidate the TLB.
//!
//! The first two have moved, as calls for a single CPU got a vector of their own; the
//! last is gone. Each is sent to a CPU with interrupts off, where the local APIC has it wait
//! under its vector; then the kernel's tracepoint tells by which vector it was taken. That
//! no gate is for the TLB is what the IDT says; how it is invalidated is IPI-08.

use crate::claim::{
    claim,
    evidence::Verdict,
    found,
    skip,
    Finding,
    Trial, //
};
use crate::{
    hold::{
        attempt,
        spin_until,
        Hold, //
    },
    refusal::Answer,
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
        Here,
        Set, //
    },
    emit,
    idt::Idt,
    lapic,
    smp::{
        self,
        Counter,
        NoWait, //
    },
    symbol::Name,
    text::Text,
    tracepoint::{
        Attached,
        CallFunctionEntry,
        CallFunctionSingleEntry,
        Observer,
        RescheduleEntry, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

claim! {
    quote: "The Linux kernel makes use of three kinds if inter-processor interrupts: CALL_FUNCTION_VECTOR (0xfb) […]; RESCHEDULE_VECTOR (0xfc) […]; INVALIDATE_TLB_VECTOR (0xfd)",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "0xfc for a call of several CPUs, 0xfb for that of one, which got a vector of its own in 2.6.27 (2008), 0xfd to reschedule; TLBs have none since 3.6 (2012): they are invalidated by calls. The numbers of the text are those of 32-bit kernels until 2.6.26",
    functions: "sysvec_call_function(), sysvec_call_function_single(), sysvec_reschedule_ipi()",
    control: "looks for the vectors of the text in the local APIC",
    next: "cat idt: all 256 gates with their handlers; cat ipi/counters: how often each CPU was interrupted",
}

/// How often one that came otherwise is sent again.
const RETRIES: u32 = 5;

/// What one CPU sends to another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A call for several CPUs.
    Several,
    /// A call for one.
    Single,
    Reschedule,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Several, Kind::Single, Kind::Reschedule];

    const fn name(self) -> &'static str {
        match self {
            Kind::Several => "call of several",
            Kind::Single => "call of one",
            Kind::Reschedule => "reschedule",
        }
    }

    const fn claimed(self) -> u8 {
        match self {
            Kind::Several | Kind::Single => 0xfb,
            Kind::Reschedule => 0xfc,
        }
    }

    /// By the kernel's headers.
    const fn vector(self) -> u8 {
        match self {
            Kind::Several => lapic::CALL_FUNCTION_VECTOR,
            Kind::Single => lapic::CALL_FUNCTION_SINGLE_VECTOR,
            Kind::Reschedule => lapic::RESCHEDULE_VECTOR,
        }
    }

    const fn counter(self) -> Counter {
        match self {
            Kind::Several | Kind::Single => Counter::CallFunction,
            Kind::Reschedule => Counter::Reschedule,
        }
    }
}

/// By which vector the target was interrupted last, for each kind; 0 if it was not.
struct Entries {
    target: CpuId,
    vectors: [Atomic<u32>; Kind::ALL.len()],
}

impl Entries {
    fn note(&self, kind: Kind, vector: u8) {
        if CpuId::current() == self.target {
            self.vectors[kind as usize].store(vector.into(), Relaxed);
        }
    }

    fn clear(&self) {
        self.vectors
            .iter()
            .for_each(|vector| vector.store(0, Relaxed));
    }

    fn last(&self, kind: Kind) -> u8 {
        self.vectors[kind as usize].load(Relaxed) as u8
    }
}

impl Observer<CallFunctionEntry> for Entries {
    fn observe(&self, event: &CallFunctionEntry, _context: &Unsleeping) {
        self.note(Kind::Several, event.vector);
    }
}

impl Observer<CallFunctionSingleEntry> for Entries {
    fn observe(&self, event: &CallFunctionSingleEntry, _context: &Unsleeping) {
        self.note(Kind::Single, event.vector);
    }
}

impl Observer<RescheduleEntry> for Entries {
    fn observe(&self, event: &RescheduleEntry, _context: &Unsleeping) {
        self.note(Kind::Reschedule, event.vector);
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut cpus = cpu::online();
    let (Some(sender), Some(target)) = (cpus.next(), cpus.next()) else {
        skip!("one CPU");
    };
    let third = cpus.next();
    let entries = Entries {
        target,
        vectors: [const { Atomic::new(0) }; Kind::ALL.len()],
    };
    let mut attached = Attached::new(Arc::new(entries, GFP_KERNEL)?);
    attached.to::<CallFunctionEntry>()?;
    attached.to::<CallFunctionSingleEntry>()?;
    attached.to::<RescheduleEntry>()?;
    let entries = attached.observer();
    let cpus = (sender, target, third);
    let mut evidence = Text::new();
    let (mut as_claimed, mut otherwise, mut unconfirmed) = (0, 0, 0);
    for kind in Kind::ALL {
        if kind == Kind::Several && third.is_none() {
            emit!(&mut evidence, "{} takes three CPUs", kind.name())?;
            continue;
        }
        let expected = if trial.is_control() {
            kind.claimed()
        } else {
            kind.vector()
        };
        let mut seen = attempt(|| send(trial, kind, cpus, expected, entries))?;
        for _ in 0..RETRIES {
            // Somebody else's call may have been in a queue, so that it took no interrupt.
            if trial.is_control() || seen.is_by(expected) {
                break;
            }
            seen = attempt(|| send(trial, kind, cpus, expected, entries))?;
        }
        if !seen.is_by(expected) {
            unconfirmed += 1;
        } else if expected == kind.claimed() {
            as_claimed += 1;
        } else {
            otherwise += 1;
        }
        let relation = if kind.vector() == kind.claimed() {
            "as claimed"
        } else {
            "not"
        };
        evidence.separate("; ")?;
        emit!(
            &mut evidence,
            "{}: {:#x} {} in the local APIC, taken by {:#x} {}, {} counted, {} {:#x}",
            kind.name(),
            expected,
            if seen.is_waiting { "waited" } else { "not" },
            seen.vector,
            handler_of(seen.vector).function(),
            seen.counted,
            relation,
            kind.claimed()
        )?;
    }
    let idt = Idt::current();
    let is_for_tlbs = |name: &str| name.contains("tlb") || name.contains("invalidate");
    let nr_for_tlbs = idt
        .gates()
        .filter(|gate| is_for_tlbs(Name::of(gate.handler).function()))
        .count();
    emit!(
        &mut evidence,
        "; invalidate TLBs: {} of {} gates",
        nr_for_tlbs,
        idt.len()
    )?;
    let verdict = if unconfirmed > 0 {
        Verdict::Fails
    } else if otherwise > 0 || nr_for_tlbs == 0 {
        Verdict::Outdated
    } else if as_claimed > 0 {
        Verdict::Holds
    } else {
        Verdict::Fails
    };
    found(verdict, fmt!("{}", evidence))
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

impl Seen {
    fn is_by(&self, vector: u8) -> bool {
        self.is_waiting && self.vector == vector && self.counted > 0
    }
}

fn send(
    trial: &Trial<'_>,
    kind: Kind,
    (sender, target, third): (CpuId, CpuId, Option<CpuId>),
    expected: u8,
    entries: &Entries,
) -> Answer<Option<Seen>> {
    entries.clear();
    let call = KBox::pin_init(NoWait::new(|_off: &IrqsOff| ()), GFP_KERNEL)?;
    let mut both = Set::new()?;
    [Some(target), third]
        .into_iter()
        .flatten()
        .for_each(|cpu| both.insert(cpu));

    // A third one that is busy too needs an interrupt.
    let mut senders = KVec::new();
    senders.push(sender, GFP_KERNEL)?;
    if let Some(third) = third {
        senders.push(third, GFP_KERNEL)?;
    }
    let (is_there, is_sent, is_over) = (Atomic::new(false), Atomic::new(false), Atomic::new(false));
    let is_waiting = Atomic::new(false);
    let counter = kind.counter();
    let before = counter.on(target);
    let is_in_time = Hold::off_unless(false, target).during(
        trial,
        &senders,
        |here: &Here<'_>| {
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
                Kind::Single => call.call_on(target, here.task),
                Kind::Reschedule => smp::reschedule(target),
            };
            is_sent.store(sent.is_ok(), Release);
        },
        || {
            if !is_sent.load(Acquire) {
                return false;
            }
            is_waiting.store(waiting::arrives(expected), Relaxed);
            true
        },
        || is_over.store(true, Release),
    )?;
    if !is_in_time {
        return Ok(None);
    }
    trial.eventually(200, || entries.last(kind) != 0);
    Ok(Some(Seen {
        is_waiting: is_waiting.load(Relaxed),
        vector: entries.last(kind),
        counted: counter.on(target).wrapping_sub(before),
    }))
}
