// SPDX-License-Identifier: GPL-2.0

//! The same soft IRQ may run on several CPUs at a time.

use crate::claim::{
    claim,
    judge,
    skip,
    Finding,
    Trial, //
};
use crate::{
    overlap::Overlap,
    refusal::Answer,
    watch::{
        watch,
        Event,
        Eyes,
        Watcher, //
    },
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        SoftIrq, //
    },
    cpu::{
        self,
        PerCpu, //
    },
    softirq::Vector,
    tasklet::{
        Handler,
        Tasklet, //
    },
    tracepoint::{
        Attached,
        SoftirqEntry,
        SoftirqExit, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

claim! {
    quote: "A soft irq can execute simultaneously on multiple processors.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "as the text says: what a soft IRQ has to do it finds in data of its CPU, or locks it",
    functions: "handle_softirqs(), softirq_vec",
    control: "one CPU raises it",
    next: "echo TASK > claims; grep ^TASK claims: tasklets do not",
}

/// How long a tasklet waits for another one, how often they are to run, and
/// how long to try.
const PATIENCE_NS: u64 = 500_000;
const MIN_RUNS: u64 = 100;
const MAX_NS: u64 = 1_000_000_000;

/// Counts the CPUs that serve TASKLET, between its entry and its exit.
struct Inside {
    here: PerCpu<Atomic<bool>>,
    now: Atomic<u64>,
    max: Atomic<u64>,
    services: Atomic<u64>,
}

impl Watcher for Inside {
    fn attach(eyes: &mut Attached<Eyes<Self>>) -> Result {
        eyes.to::<SoftirqEntry>()?;
        eyes.to::<SoftirqExit>()
    }

    fn see(&self, event: Event) {
        // An exit whose entry was before anybody watched does not count.
        match event {
            Event::Entered(Vector::Tasklet, _) if !self.here.local().xchg(true, Full) => {
                let inside = self.now.fetch_add(1, Full) + 1;
                if inside > self.max.load(Relaxed) {
                    self.max.store(inside, Relaxed);
                }
                self.services.add(1, Relaxed);
            }
            Event::Left(Vector::Tasklet) if self.here.local().xchg(false, Full) => {
                self.now.fetch_sub(1, Full);
            }
            _ => (),
        }
    }
}

struct Body(Arc<Overlap>);

impl Handler for Body {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.meet(PATIENCE_NS);
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    if cpu::online().count() < 2 {
        skip!("one CPU");
    }
    let bodies = Overlap::new()?;
    let tasklets = PerCpu::new(|| {
        let body = Ok::<_, Error>(Body(bodies.clone()));
        KBox::pin_init(Tasklet::new(body), GFP_KERNEL)
    })?;
    let witness = watch(Inside {
        here: PerCpu::new(|| Ok(Atomic::new(false)))?,
        now: Atomic::new(0),
        max: Atomic::new(0),
        services: Atomic::new(0),
    })?;
    let inside = witness.observer();
    let is_control = trial.is_control();
    let nr_raising = if is_control { 1 } else { usize::MAX };
    let is_enough = || {
        inside.services.load(Relaxed) >= MIN_RUNS && (is_control || inside.max.load(Relaxed) > 1)
    };
    let start_ns = clock::now_ns();
    let cpus = cpu::online().take(nr_raising);
    let nr_cpus = cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        let tasklet = tasklets.of(here.cpu);
        loop {
            let elapsed_ns = clock::now_ns().saturating_sub(start_ns);
            if elapsed_ns > MAX_NS || is_enough() || here.is_stopped() {
                break;
            }
            {
                // It is served when the guard goes, here.
                let _guard = BottomHalvesDisabled::new(here.task);
                tasklet.schedule();
            }
            here.task.yield_if_needed();
        }
    })?;
    if !is_control && bodies.nr_cpus() < 2 {
        skip!("{} CPUs raised it, one came to serve it", nr_cpus);
    }
    let max = inside.max.load(Relaxed);
    judge!(
        max > 1,
        "raised on {} CPUs: {} was served {} times, on {} at a time at most",
        nr_cpus,
        Vector::Tasklet,
        inside.services.load(Relaxed),
        max
    )
}
