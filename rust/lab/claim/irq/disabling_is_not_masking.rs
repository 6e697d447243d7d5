// SPDX-License-Identifier: GPL-2.0

//! Disabling a line at the controller is not masking in the CPU.
//!
//! A CPU with interrupts off takes none, whatever line it is of: they wait in
//! its local APIC, and only they; other CPUs go on. A disabled line is served by
//! no CPU, but every CPU goes on serving other lines. Its interrupt still arrives
//! at first (the kernel disables lazily), and is then kept by the kernel, with
//! the line masked at the controller where the line's flow can.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    counter::Counter,
    hold::attempt,
    line::Line,
    waiting, //
};
use irqlab::{
    clock,
    cpu::{
        self,
        CpuId, //
    },
    irq::{
        Affinity,
        Registration, //
    },
    lapic,
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

/// How long the CPUs wait for each other.
const PATIENCE_NS: u64 = 50_000_000;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let cpus = trial.cpus::<2>()?;
    if !lapic::is_used() {
        skip!("the kernel uses no local APIC, in which an interrupt would be seen to wait");
    }
    for name in ["sim0", "edu0"] {
        let Ok(line) = trial.line(name) else {
            continue;
        };
        if waiting::vector_of(&line)?.is_none() {
            let chip = line.source.line().info()?.chip;
            evidence.note(fmt!("{name} comes from {chip}, past the local APIC"))?;
            continue;
        }
        let other = trial.line("sim1")?;
        let groups = (trial.group(name)?, trial.group("sim1")?);
        let _lent = (groups.0.lend()?, groups.1.lend()?);
        let pair = Pair::new(trial, [&line, &other], cpus)?;
        pair.mask(evidence)?;
        pair.disable(evidence)?;
    }
    evidence.holds()
}

/// A line to be kept from a CPU, and another one.
struct Pair<'a> {
    // First: the line is moved back while it has a handler.
    _affinity: Affinity,
    trial: &'a Trial<'a>,
    lines: [&'a Arc<Line>; 2],
    registrations: [Arc<Registration<Counter>>; 2],
    /// That the first line goes to, and another one.
    cpus: [CpuId; 2],
    /// By which the first line arrives there.
    vector: u8,
}

impl<'a> Pair<'a> {
    fn new(trial: &'a Trial<'a>, lines: [&'a Arc<Line>; 2], cpus: [CpuId; 2]) -> Answer<Self> {
        let registrations = [Counter::on(lines[0])?, Counter::on(lines[1])?];
        let affinity = Affinity::new(lines[0].source.line())?;
        if lines[0].source.line().info()?.vector.is_some() {
            let counter = registrations[0].handler();
            counter.move_to(trial, &affinity, core::iter::once(cpus[0]))?;
        }
        Ok(Self {
            _affinity: affinity,
            trial,
            lines,
            registrations,
            cpus,
            vector: waiting::visible_vector_of(lines[0])?,
        })
    }

    fn counters(&self) -> [&Counter; 2] {
        [
            self.registrations[0].handler(),
            self.registrations[1].handler(),
        ]
    }

    /// The CPU masks: it has interrupts off.
    fn mask(&self, evidence: &mut Evidence) -> Answer {
        let (trial, lines, counters) = (self.trial, self.lines, self.counters());
        let [here, there] = self.cpus;
        let keeps_on = trial.is_control();
        let (meeting, afterwards) = attempt(|| {
            let meeting = Meeting::new(self.vector);
            let before = counters.map(Counter::runs);
            let cpus = self.cpus.into_iter();
            cpu::run_on(&trial.lab.workers, cpus, trial.task, |place| {
                if place.cpu == here {
                    meeting.mask(keeps_on, lines, counters);
                } else {
                    meeting.go_on(lines[1], counters[1], there);
                }
            })?;
            trial.eventually(2000, || {
                counters[0].runs() > before[0] && counters[1].runs() > before[1]
            });
            let afterwards = counters[0].runs() - before[0];
            Ok(meeting
                .has_met
                .load(Relaxed)
                .then_some((meeting, afterwards)))
        })?;
        let (name, here, there) = (lines[0].name(), here.as_u32(), there.as_u32());
        let is_waiting = meeting.is_waiting.load(Relaxed);
        evidence.check(
            is_waiting,
            fmt!(
                "CPU {here} with IF = {}: {name} {} in its local APIC, vector {:#x}",
                u8::from(keeps_on),
                waits(is_waiting),
                self.vector
            ),
        )?;
        let (own, others) = (meeting.own.load(Relaxed), meeting.others.load(Relaxed));
        evidence.check(own == 0, fmt!("ran {own} times"))?;
        evidence.check(others == 0, fmt!("sim1 ran {others} times there"))?;
        let elsewhere = meeting.elsewhere.load(Relaxed);
        evidence.check(
            elsewhere == 1,
            fmt!("sim1 ran {elsewhere} times on CPU {there}"),
        )?;
        evidence.check(
            afterwards == 1,
            fmt!("{name} ran {afterwards} times in all, once IF was 1"),
        )?;
        Ok(())
    }

    /// The controller disables the line, or the kernel for it.
    fn disable(&self, evidence: &mut Evidence) -> Answer {
        let (trial, lines, counters) = (self.trial, self.lines, self.counters());
        let disabled = match trial.pick(true, false) {
            true => Some(self.registrations[0].disable(trial.task)?),
            false => None,
        };
        let before = counters.map(Counter::runs);
        let still_waits = Atomic::new(false);
        let (here, vector) = (self.cpus[0], self.vector);
        let cpus = self.cpus.into_iter();
        cpu::run_on(&trial.lab.workers, cpus, trial.task, |place| {
            let _ = lines[0].raise();
            let _ = lines[1].raise();
            if place.cpu == here {
                // Neither at once, as a device's interrupt may still be on its way,
                // nor by one look: it may be just about to be taken.
                clock::spin_ns(1_000_000);
                let is_gone = clock::spin_until(PATIENCE_NS, || !lapic::is_requested(vector));
                still_waits.store(!is_gone, Relaxed);
            }
        })?;
        trial.eventually(2000, || counters[1].runs() > before[1]);
        let runs = counters.map(Counter::runs);
        let while_disabled = [runs[0] - before[0], runs[1] - before[1]];
        let is_masked = lines[0].source.line().info()?.is_masked;
        drop(disabled);
        trial.eventually(trial.patience_ms(), || counters[0].runs() > runs[0]);
        lines[0].source.line().synchronize(trial.task)?;
        let replayed = counters[0].runs() - runs[0];

        let name = lines[0].name();
        let still_waits = still_waits.load(Relaxed);
        evidence.check(
            !still_waits,
            fmt!(
                "with {name} {}: it {} in the local APIC",
                trial.pick("disabled", "enabled"),
                waits(still_waits)
            ),
        )?;
        evidence.check(
            while_disabled[0] == 0,
            fmt!("ran {} times on all CPUs", while_disabled[0]),
        )?;
        evidence.check(
            while_disabled[1] >= 1,
            fmt!("sim1 ran {} times", while_disabled[1]),
        )?;
        evidence.note(fmt!(
            "the controller has {name} {}",
            if is_masked { "masked" } else { "unmasked" }
        ))?;
        evidence.check(
            replayed == 1,
            fmt!("{name} ran {replayed} times afterwards"),
        )?;
        Ok(())
    }
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
