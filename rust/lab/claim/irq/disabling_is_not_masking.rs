// SPDX-License-Identifier: GPL-2.0

//! Disabling a line at the controller is not masking in the CPU.
//!
//! A CPU with interrupts off takes none, whatever line it is of: they wait in
//! its local APIC, and only they; other CPUs go on. A disabled line is served by
//! no CPU, but every CPU goes on serving other lines. Its interrupt still arrives
//! at first (the kernel disables lazily), and is then kept by the kernel, with
//! the line masked at the controller where the line's flow can.

use super::meeting::{
    Meeting,
    PATIENCE_NS, //
};
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
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "Enabling and disabling interrupts is not the same as masking and unmasking",
    section: "IRQs and Inter-Processor Interrupts",
    today: "the same; but the kernel disables lazily: the interrupt still arrives once, and only then is the line masked at the controller, where its flow can",
    functions: "disable_irq(), local_irq_disable(), mask_irq()",
    control: "the CPU keeps interrupts on, and the line stays enabled",
    next: "echo 0 > lines/edu0/enabled; echo 1 > lines/edu0/trigger; cat lines/edu0/info; echo 1 > lines/edu0/enabled",
}

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
        let _reserved = (groups.0.reserve()?, groups.1.reserve()?);
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
            trial.come("an interrupt", || {
                !meeting.has_met.load(Relaxed)
                    || counters[0].runs() > before[0] && counters[1].runs() > before[1]
            })?;
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
        trial.come("an interrupt of sim1", || counters[1].runs() > before[1])?;
        let runs = counters.map(Counter::runs);
        let while_disabled = [runs[0] - before[0], runs[1] - before[1]];
        let is_masked = lines[0].source.line().info()?.is_masked;
        drop(disabled);
        if !trial.is_control() {
            trial.come("what was kept", || counters[0].runs() > runs[0])?;
        }
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
