// SPDX-License-Identifier: GPL-2.0

//! Disabling a line at the controller is not masking in the CPU.
//!
//! A CPU with interrupts off takes none, whatever line it is of: they wait in
//! its local APIC, and only they; other CPUs go on. A disabled line is served by
//! no CPU, but every CPU goes on serving other lines. Its interrupt still arrives
//! at first (the kernel disables lazily), and is then kept by the kernel, with
//! the line masked at the controller where the line's flow can.

use crate::claim::{
    claim,
    judge,
    skip,
    Finding,
    Trial, //
};
use crate::{
    counter::Counter,
    line::Line,
    refusal::Answer,
    waiting, //
};
use irqlab::{
    clock,
    cpu::{
        self,
        CpuId, //
    },
    emit,
    irq::Affinity,
    lapic,
    text::Text, //
};
use kernel::{
    interrupt::local_interrupt_disable,
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
    quote: "Enabling and disabling interrupts is not the same as masking and unmasking",
    section: "IRQs and Inter-Processor Interrupts",
    today: "the same; but the kernel disables lazily: the interrupt still arrives once, and only then is the line masked at the controller, where its flow can",
    functions: "disable_irq(), local_irq_disable(), mask_irq()",
    control: "the CPU keeps interrupts on, and the line stays enabled",
    next: "echo 0 > lines/edu0/enabled; echo 1 > lines/edu0/trigger; cat lines/edu0/info; echo 1 > lines/edu0/enabled",
}

/// How long the CPUs wait for each other, and how often they try to meet.
const PATIENCE_NS: u64 = 50_000_000;
const ATTEMPTS: u32 = 10;

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut cpus = cpu::online();
    let (Some(here), Some(there)) = (cpus.next(), cpus.next()) else {
        skip!("one CPU");
    };
    let mut evidence = Text::new();
    let mut holds = true;
    for name in ["sim0", "edu0"] {
        let Ok(line) = trial.line(name) else {
            continue;
        };
        if waiting::vector_of(&line)?.is_none() {
            evidence.separate("; ")?;
            let chip = line.source.line().info()?.chip;
            emit!(
                &mut evidence,
                "{name} comes from {chip}, past the local APIC, where it would wait"
            )?;
            continue;
        }
        let other = trial.line("sim1")?;
        let groups = (trial.group(name)?, trial.group("sim1")?);
        let _lent = (groups.0.lend()?, groups.1.lend()?);
        holds &= try_line(trial, [&line, &other], [here, there], &mut evidence)?;
    }
    judge!(holds, "{}", evidence)
}

/// Whether all is as claimed for the first line, with the second as another one.
fn try_line(
    trial: &Trial<'_>,
    [line, other]: [&Arc<Line>; 2],
    [here, there]: [CpuId; 2],
    evidence: &mut Text,
) -> Answer<bool> {
    let registrations = [Counter::on(line)?, Counter::on(other)?];
    let counters = [registrations[0].handler(), registrations[1].handler()];
    let affinity = Affinity::new(line.source.line())?;
    let info = line.source.line().info()?;
    if info.vector.is_some() {
        counters[0].move_to(trial, &affinity, core::iter::once(here))?;
    }
    let vector = waiting::vector_of(line)?.unwrap_or(lapic::IRQ_WORK_VECTOR);

    // The CPU masks.
    let mut masked = None;
    for _ in 0..ATTEMPTS {
        let meeting = Meeting::new(vector);
        let runs = [counters[0].runs(), counters[1].runs()];
        let cpus = [here, there].into_iter();
        let is_control = trial.is_control();
        cpu::run_on(&trial.lab.workers, cpus, trial.task, |place| {
            if place.cpu == here {
                meeting.mask(is_control, [line, other], counters);
            } else {
                meeting.go_on(other, counters[1], there);
            }
        })?;
        trial.eventually(2000, || {
            counters[0].runs() > runs[0] && counters[1].runs() > runs[1]
        });
        if meeting.has_met.load(Relaxed) {
            masked = Some((meeting, counters[0].runs() - runs[0]));
            break;
        }
    }
    let Some((meeting, afterwards)) = masked else {
        skip!(
            "two CPUs did not meet in {} attempts: the machine is too busy",
            ATTEMPTS
        );
    };
    let is_waiting = meeting.is_waiting.load(Relaxed);
    let (own, others) = (meeting.own.load(Relaxed), meeting.others.load(Relaxed));
    let elsewhere = meeting.elsewhere.load(Relaxed);

    // The controller, or the kernel for it, disables.
    let disabled = if trial.is_control() {
        None
    } else {
        Some(registrations[0].disable(trial.task)?)
    };
    let runs = counters[0].runs();
    let others_runs = counters[1].runs();
    let still_waits = Atomic::new(false);
    let cpus = [here, there].into_iter();
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |place| {
        let _ = line.raise();
        let _ = other.raise();
        if place.cpu == here {
            // Neither at once, as a device's interrupt may still be on its way,
            // nor by one look: it may be just about to be taken.
            clock::spin_ns(1_000_000);
            let is_gone = clock::spin_until(PATIENCE_NS, || !lapic::is_requested(vector));
            still_waits.store(!is_gone, Relaxed);
        }
    })?;
    trial.eventually(2000, || counters[1].runs() > others_runs);
    trial.settle();
    let while_disabled = counters[0].runs() - runs;
    let others_while_disabled = counters[1].runs() - others_runs;
    let is_masked = line.source.line().info()?.is_masked;
    drop(disabled);
    trial.eventually(2000, || counters[0].runs() > runs);
    trial.settle();
    let replayed = counters[0].runs() - runs - while_disabled;

    evidence.separate("; ")?;
    emit!(
        evidence,
        "{}: with IF = 0 on CPU {}, it {} in that CPU's local APIC (vector {:#x}), and ran {} \
         times, sim1 ran {} there and {} on CPU {}; then {}: with the line disabled, it {} there, \
         ran {} on any CPU, sim1 ran {}, the controller has it {}; then {} replayed",
        line.name(),
        here.as_u32(),
        waits(is_waiting),
        vector,
        own,
        others,
        elsewhere,
        there.as_u32(),
        afterwards,
        waits(still_waits.load(Relaxed)),
        while_disabled,
        others_while_disabled,
        if is_masked { "masked" } else { "unmasked" },
        replayed
    )?;
    let cpu_masks = is_waiting && own == 0 && others == 0 && elsewhere == 1 && afterwards == 1;
    let line_is_off = !still_waits.load(Relaxed)
        && while_disabled == 0
        && others_while_disabled >= 1
        && replayed == 1;
    Ok(cpu_masks && line_is_off)
}

const fn waits(is_waiting: bool) -> &'static str {
    if is_waiting {
        "waits"
    } else {
        "does not wait"
    }
}

/// Two CPUs, of which one has its interrupts off.
struct Meeting {
    vector: u8,
    is_there: Atomic<bool>,
    is_off: Atomic<bool>,
    /// The other CPU has served its interrupt.
    is_served: Atomic<bool>,
    /// All of it happened while interrupts were off.
    has_met: Atomic<bool>,
    is_waiting: Atomic<bool>,
    /// What ran meanwhile: of the line, of the other line here, and elsewhere.
    own: Atomic<u64>,
    others: Atomic<u64>,
    elsewhere: Atomic<u64>,
}

impl Meeting {
    fn new(vector: u8) -> Self {
        Self {
            vector,
            is_there: Atomic::new(false),
            is_off: Atomic::new(false),
            is_served: Atomic::new(false),
            has_met: Atomic::new(false),
            is_waiting: Atomic::new(false),
            own: Atomic::new(0),
            others: Atomic::new(0),
            elsewhere: Atomic::new(0),
        }
    }

    /// The CPU that masks.
    fn mask(&self, is_control: bool, lines: [&Arc<Line>; 2], counters: [&Counter; 2]) {
        if !reaches(&self.is_there) {
            return;
        }
        let here = CpuId::current();
        let runs = || [counters[0].runs_on(here), counters[1].runs_on(here)];
        let before = runs();
        let guard = (!is_control).then(local_interrupt_disable);
        self.is_off.store(true, Release);
        let is_served = reaches(&self.is_served);
        // What waits here is merged with what comes after it: from here on the other CPU
        // could not have its own.
        let is_raised = lines[0].raise().is_ok();
        self.is_waiting
            .store(is_raised && waiting::arrives(self.vector), Relaxed);
        let is_raised = is_raised && lines[1].raise().is_ok();
        let meanwhile = runs();
        drop(guard);
        self.own.store(meanwhile[0] - before[0], Relaxed);
        self.others.store(meanwhile[1] - before[1], Relaxed);
        self.has_met.store(is_served && is_raised, Relaxed);
    }

    /// The CPU that goes on.
    fn go_on(&self, line: &Line, counter: &Counter, here: CpuId) {
        self.is_there.store(true, Release);
        if !reaches(&self.is_off) {
            return;
        }
        let before = counter.runs_on(here);
        if line.raise().is_err() {
            return;
        }
        if !clock::spin_until(PATIENCE_NS, || counter.runs_on(here) != before) {
            return;
        }
        self.elsewhere
            .store(counter.runs_on(here) - before, Relaxed);
        self.is_served.store(true, Release);
    }
}

/// Spins until `flag` is set, for so long. Returns whether it was.
fn reaches(flag: &Atomic<bool>) -> bool {
    clock::spin_until(PATIENCE_NS, || flag.load(Acquire))
}
