// SPDX-License-Identifier: GPL-2.0

//! Interrupt handling code is not reentrant: the handlers of a line run on one CPU at a time.
//!
//! A line of a controller of the lab's own is raised on one CPU, and, while its handler runs there,
//! on another. The second CPU finds the line in progress, notes the interrupt, and goes on; the first
//! CPU serves it.

use super::parent::Parent;
use crate::{
    claim::prelude::*,
    hold::attempt,
    overlap::Overlap, //
};
use irqlab::{
    clock,
    context::HardIrq,
    cpu,
    irq::{
        self,
        IrqReturn,
        Sharing, //
    },
    irq_chip::{
        Domain,
        Flow,
        Line,
        Transparent, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "The interrupt handling code in the kernel is not reenterant.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "so for each line: a handler never meets itself. Handlers of different lines do run at the same time, \
            on different CPUs",
    functions: "handle_edge_irq(), irq_can_handle_pm(), handle_irq_event()",
    control: "each CPU has a line of its own, with the same handler",
    next: "echo 1000 > lines/sim0/trigger; grep sim0 /proc/interrupts; cat lines/sim0/info",
}

/// How long the CPUs wait for each other.
const PATIENCE_NS: u64 = 50_000_000;

/// What the handler and those who raise know of each other.
struct Meeting {
    overlap: Arc<Overlap>,
    /// The handler runs.
    has_begun: Atomic<bool>,
    /// The second interrupt is about to be raised, while the first one's handler runs.
    is_second_due: Atomic<bool>,
    /// Whoever raised the second interrupt has come back.
    has_returned: Atomic<bool>,
}

struct Handling(Arc<Meeting>);

impl irq::Handler for Handling {
    fn handle(&self, _irq: &HardIrq) -> IrqReturn {
        let meeting = &self.0;
        meeting.overlap.during(|| {
            if !meeting.has_begun.xchg(true, Full)
                && clock::spin_until(PATIENCE_NS, || meeting.is_second_due.load(Acquire))
            {
                clock::spin_until(PATIENCE_NS, || meeting.has_returned.load(Acquire));
            }
        });
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let overlap = attempt(|| meet(trial))?;
    evidence.note(fmt!(
        "raised on one CPU and, while the handler ran there, on another, {}",
        trial.pick("on the same line", "on a line of its own")
    ))?;
    let max = overlap.max();
    evidence.check(
        max == 1,
        fmt!("the handler ran on at most {max} CPUs at a time"),
    )?;
    let (runs, nr_cpus) = (overlap.runs(), overlap.nr_cpus());
    evidence.check(runs == 2, fmt!("it ran {runs} times, on {nr_cpus} CPUs"))?;
    evidence.holds()
}

/// Has two CPUs raise interrupts, the second one while the first one's handler runs. Nothing if
/// the machine was too busy for that.
fn meet(trial: &Trial<'_>) -> Answer<Option<Arc<Overlap>>> {
    let [first, second] = trial.cpus()?;
    let meeting = Meeting {
        overlap: Overlap::new()?,
        has_begun: Atomic::new(false),
        is_second_due: Atomic::new(false),
        has_returned: Atomic::new(false),
    };
    let meeting = Arc::new(meeting, GFP_KERNEL)?;
    let domain = Domain::new(2, Ok::<_, Error>(Transparent))?;
    let lines = [
        Arc::new(domain.map(0, Flow::Edge)?, GFP_KERNEL)?,
        Arc::new(domain.map(1, Flow::Edge)?, GFP_KERNEL)?,
    ];
    let request = |line: &Line<Transparent>| {
        let handling = Handling(meeting.clone());
        let name = c"irqlab-reentrant";
        line.line()
            .request(Sharing::Exclusive, name, Ok::<_, Error>(handling))
    };
    let _handlers = [request(&lines[0])?, request(&lines[1])?];
    let parents = [
        Parent::of(&lines[0])?,
        Parent::of(trial.pick(&lines[0], &lines[1]))?,
    ];

    let has_met = Atomic::new(false);
    let workers = &trial.lab.workers;
    cpu::run_on(workers, [first, second].into_iter(), trial.task, |here| {
        if here.cpu == first {
            parents[0].queue();
        } else if clock::spin_until(PATIENCE_NS, || meeting.has_begun.load(Acquire)) {
            meeting.is_second_due.store(true, Release);
            parents[1].queue();
            // The interrupt, to this very CPU, is over; unless it has to wait for a tick.
            clock::spin_until(PATIENCE_NS, || parents[1].progress.has_returned());
            // In time if the first handler still ran: it would wait for this.
            has_met.store(!parents[0].progress.has_returned(), Relaxed);
            meeting.has_returned.store(true, Release);
        }
    })?;
    // Who came too late to meet the first one has raised none.
    let nr_raised = 1 + usize::from(meeting.is_second_due.load(Relaxed));
    trial.come("an interrupt", || {
        let mut raised = parents.iter().take(nr_raised);
        raised.all(|parent| parent.progress.has_returned())
    })?;
    Ok(has_met.load(Relaxed).then_some(meeting.overlap.clone()))
}
