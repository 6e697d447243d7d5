// SPDX-License-Identifier: GPL-2.0

//! Interrupt handlers of different lines nest.
//!
//! They did while handlers could run with interrupts enabled. Now a handler is
//! raised upon by the other line, which arrives and waits, and every handler
//! finds the kernel's count of hard IRQs at one.

use crate::{
    claim::prelude::*,
    counter::Counter,
    line::Line,
    waiting, //
};
use irqlab::{
    context::{
        HardIrq,
        Snapshot, //
    },
    cpu,
    irq::{
        Affinity,
        Handler,
        IrqReturn,
        Registration, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Full,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "An interrupt handler may preempt both other interrupt handlers and exceptions",
    section: "nested execution of Ex./Int. Handlers",
    today: "not since 2.6.35: handlers run with interrupts off, so another interrupt waits until the handler has returned",
    functions: "common_interrupt(), irq_enter_rcu(), __handle_irq_event_percpu()",
    control: "no handler is raised upon",
    next: "echo on > nesting; echo 100 > lines/sim0/trigger; cat nesting; echo off > nesting",
}

/// How many interrupts the lines raise upon each other.
const COUNT: u64 = 100;

/// What both handlers share.
struct Nesting {
    left: Atomic<u64>,
    max_depth: Atomic<u64>,
}

/// A handler that raises the other line's interrupt while it runs.
struct Rival {
    nesting: Arc<Nesting>,
    line: Arc<Line>,
    other: Arc<Line>,
    /// Known when the other line has a handler.
    other_vector: Atomic<u32>,
    runs: Atomic<u64>,
    /// Runs during which the other's interrupt arrived and waited.
    waited_for: Atomic<u64>,
}

impl Handler for Rival {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        if !self.line.source.acknowledge(irq) {
            return IrqReturn::None;
        }
        let depth = u64::from(Snapshot::take().hardirq_depth());
        let nesting = &self.nesting;
        nesting
            .max_depth
            .store(nesting.max_depth.load(Relaxed).max(depth), Relaxed);
        // Only one CPU has both lines: nobody else counts down.
        let left = nesting.left.load(Relaxed);
        if left > 0 {
            nesting.left.store(left - 1, Relaxed);
            if self.other.raise().is_ok() && waiting::arrives(self.other_vector.load(Relaxed) as u8)
            {
                self.waited_for.add(1, Relaxed);
            }
        }
        self.runs.fetch_add(1, Full);
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [cpu] = trial.cpus()?;
    // A device's line, if its interrupts are seen to wait.
    let second = match trial.line("edu0") {
        Ok(line) if waiting::vector_of(&line)?.is_some() => "edu0",
        _ => "sim1",
    };
    let lines = [trial.line("sim0")?, trial.line(second)?];
    waiting::visible_vector_of(&lines[1])?;
    let groups = [trial.group("sim0")?, trial.group(second)?];
    let _reserved = [groups[0].reserve()?, groups[1].reserve()?];

    // Both on one CPU: a simulated line is where it is raised.
    let affinity = Affinity::new(lines[1].source.line())?;
    if lines[1].source.line().info()?.vector.is_some() {
        let counter = Counter::on(&lines[1])?;
        let counter = counter.handler();
        counter.move_to(trial, &affinity, core::iter::once(cpu))?;
    }
    let nesting = Nesting {
        left: Atomic::new(trial.pick(COUNT, 0)),
        max_depth: Atomic::new(0),
    };
    let nesting = Arc::new(nesting, GFP_KERNEL)?;
    let registrations = [
        rival(&nesting, &lines[0], &lines[1])?,
        rival(&nesting, &lines[1], &lines[0])?,
    ];
    let rivals = [registrations[0].handler(), registrations[1].handler()];
    for (rival, other) in rivals.iter().zip([&lines[1], &lines[0]]) {
        let vector = waiting::visible_vector_of(other)?;
        rival.other_vector.store(vector.into(), Relaxed);
    }
    let runs = || rivals[0].runs.load(Relaxed) + rivals[1].runs.load(Relaxed);
    // One on each line would do in the control; the first starts all.
    let is_control = trial.is_control();
    let wanted = trial.pick(COUNT + 1, 2);
    let workers = &trial.lab.workers;
    cpu::run_on(workers, core::iter::once(cpu), trial.task, |_here| {
        let _ = lines[0].raise();
        if is_control {
            let _ = lines[1].raise();
        }
    })?;
    trial.come("an interrupt", || runs() >= wanted)?;

    let max_depth = nesting.max_depth.load(Relaxed);
    for (rival, other) in rivals.iter().zip([&lines[1], &lines[0]]) {
        let (name, other, waited) = (rival.line.name(), other.name(), &rival.waited_for);
        let (ran, waited) = (rival.runs.load(Relaxed), waited.load(Relaxed));
        evidence.check(
            waited > 0 || max_depth > 1,
            fmt!("{name} ran {ran} times on CPU {}, and in {waited} of them {other} arrived and waited",
                cpu.as_u32()
            ),
        )?;
    }
    evidence.check(
        max_depth > 0,
        fmt!("hard IRQs were at most {max_depth} deep"),
    )?;
    if max_depth > 1 {
        evidence.holds()
    } else {
        evidence.outdated()
    }
}

fn rival(
    nesting: &Arc<Nesting>,
    line: &Arc<Line>,
    other: &Arc<Line>,
) -> Answer<Arc<Registration<Rival>>> {
    let rival = Rival {
        nesting: nesting.clone(),
        line: line.clone(),
        other: other.clone(),
        other_vector: Atomic::new(0),
        runs: Atomic::new(0),
        waited_for: Atomic::new(0),
    };
    let sharing = line.source.sharing();
    let irq_line = line.source.line();
    Ok(irq_line.request(sharing, line.name, Ok(rival))?)
}
