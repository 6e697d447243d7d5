// SPDX-License-Identifier: GPL-2.0

//! The same soft IRQ may run on several CPUs at a time.
//!
//! Each CPU has a tasklet of its own, whose body waits for another one to begin. Between its entry and
//! its exit, of which the kernel's tracepoints tell, a CPU is inside.

use crate::{
    claim::{
        hammer::hammer,
        prelude::*,
        skip, //
    },
    overlap::{
        Meeting,
        Overlap, //
    },
    watch::{
        watch,
        Event,
        Probes,
        Watcher, //
    },
};
use irqlab::{
    cpu::{
        self,
        PerCpu, //
    },
    softirq::Vector,
    tasklet::Tasklet,
    tracepoint::{
        Attached,
        SoftirqEntry,
        SoftirqExit, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Full, //
    },
    Arc, //
};

claim! {
    quote: "A soft irq can execute simultaneously on multiple processors.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "as the text says: what a soft IRQ has to do it finds in data of its CPU, or locks it",
    functions: "handle_softirqs(), softirq_vec",
    control: "one CPU raises it",
    next: "echo TASK-02 > claims; grep ^TASK-02 claims # a tasklet does not",
}

/// How often they are to run, and how long to try.
const MIN_RUNS: u64 = 100;
const MAX_MS: u64 = 1000;

/// Counts the CPUs that serve TASKLET, between its entry and its exit.
struct Inside {
    here: PerCpu<Atomic<bool>>,
    all: Arc<Overlap>,
}

impl Watcher for Inside {
    fn attach(probes: &mut Attached<Probes<Self>>) -> Result {
        probes.to::<SoftirqEntry>()?;
        probes.to::<SoftirqExit>()
    }

    fn see(&self, event: Event) {
        // An exit whose entry was before anybody watched does not count.
        match event {
            Event::Entered(Vector::Tasklet, _) if !self.here.local().xchg(true, Full) => {
                self.all.enter();
            }
            Event::Left(Vector::Tasklet) if self.here.local().xchg(false, Full) => {
                self.all.leave();
            }
            _ => (),
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [_, _] = trial.cpus()?;
    let bodies = Overlap::new()?;
    let tasklets = PerCpu::new(|| {
        let body = Ok::<_, Error>(Meeting(bodies.clone()));
        KBox::pin_init(Tasklet::new(body), GFP_KERNEL)
    })?;
    let witness = watch(Inside {
        here: PerCpu::new(|| Ok(Atomic::new(false)))?,
        all: Overlap::new()?,
    })?;
    let inside = &witness.observer().all;
    let is_control = trial.is_control();
    // One CPU never has two at a time; several have, as soon as they meet.
    let is_known = || is_control || inside.max() > 1 || bodies.is_known();
    let is_enough = || is_known() && inside.runs() >= MIN_RUNS;
    let cpus = cpu::online().take(trial.pick(usize::MAX, 1));
    let nr_cpus = hammer(trial, cpus, MAX_MS, &bodies, is_enough, |_index| {
        tasklets.local().schedule();
    })?;
    if !is_known() {
        skip!(
            Missed: "{nr_cpus} CPUs raised it, {} times while another one served it",
            bodies.nr_kept()
        );
    }
    evidence.note(fmt!("{nr_cpus} CPUs raised {}", Vector::Tasklet))?;
    // What the bodies have seen of each other is as good.
    let max = inside.max().max(bodies.max());
    evidence.check(
        max > 1,
        fmt!(
            "it was served {} times, on {max} CPUs at a time at most",
            inside.runs()
        ),
    )?;
    evidence.holds()
}
