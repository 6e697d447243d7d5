// SPDX-License-Identifier: GPL-2.0

//! A tasklet never runs on two CPUs at a time; different ones do.

use crate::claim::{
    judge,
    prelude::*,
    skip, //
};
use crate::overlap::Overlap;
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        SoftIrq, //
    },
    cpu,
    tasklet::{
        Handler,
        Tasklet, //
    },
};
use kernel::{
    sync::Arc, //
};

claim! {
    quote: "Management of tasklets is such that a tasklet of the same kind cannot be run concurrently on two different cores",
    section: "Tasklets",
    today: "so for one tasklet_struct, by a bit that says that it runs; two tasklets with the same function are two",
    functions: "tasklet_trylock(), tasklet_unlock(), tasklet_action_common()",
    control: "two tasklets pass for one",
    next: "echo OLD-06 > claims: what else may not run beside what",
}

/// How long a run waits for another one, how many there are to be, and how long
/// to try.
const PATIENCE_NS: u64 = 500_000;
const MIN_RUNS: u64 = 100;
const MAX_NS: u64 = 1_000_000_000;

struct Body(Arc<Overlap>);

impl Handler for Body {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.0.meet(PATIENCE_NS);
    }
}

type Boxed = Pin<KBox<Tasklet<Body>>>;

fn tasklet(overlap: &Arc<Overlap>) -> Result<Boxed> {
    KBox::pin_init(Tasklet::new(Ok(Body(overlap.clone()))), GFP_KERNEL)
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    if cpu::online().count() < 2 {
        skip!("one CPU");
    }
    // All CPUs schedule the same tasklet; in the control, all but the first
    // schedule a second one.
    let one = Overlap::new()?;
    let first = tasklet(&one)?;
    let second = tasklet(&one)?;
    let is_control = trial.is_control();
    // The control goes on until chance has made them meet.
    let was_shared =
        || one.max() > 1 || (!is_control && one.nr_cpus() > 1 && one.runs() >= MIN_RUNS);
    let nr_cpus = hammer(trial, was_shared, |is_first| {
        if is_control && !is_first {
            &second
        } else {
            &first
        }
    })?;
    // And now two that are told apart, in both variants.
    let two = Overlap::new()?;
    let tasklets = [tasklet(&two)?, tasklet(&two)?];
    hammer(
        trial,
        || two.max() > 1 && two.runs() >= MIN_RUNS,
        |is_first| &tasklets[usize::from(is_first)],
    )?;
    if one.nr_cpus() < 2 || two.nr_cpus() < 2 {
        skip!("{} CPUs scheduled them, one came to run them", nr_cpus);
    }

    judge!(
        one.max() == 1 && two.max() == 2,
        "{} CPUs: one tasklet ran {} times on {} of them, at most {} at a time; two ran {} times, \
         at most {}",
        nr_cpus,
        one.runs(),
        one.nr_cpus(),
        one.max(),
        two.runs(),
        two.max()
    )
}

/// Schedules, on every CPU at the same time, the tasklet that `choose` says for
/// the first CPU and for the others, until the CPUs have come into each other's way.
fn hammer<'a>(
    trial: &Trial<'_>,
    is_enough: impl Fn() -> bool + Sync,
    choose: impl Fn(bool) -> &'a Boxed + Sync,
) -> Result<usize> {
    let workers = &trial.lab.workers;
    let start_ns = clock::now_ns();
    cpu::run_on(workers, cpu::online(), trial.task, |here| {
        let is_first = cpu::online().next() == Some(here.cpu);
        loop {
            let elapsed_ns = clock::now_ns().saturating_sub(start_ns);
            if elapsed_ns > MAX_NS || is_enough() || here.is_stopped() {
                break;
            }
            {
                // The soft IRQ runs when the guard goes, not some time later
                // in ksoftirqd.
                let _guard = BottomHalvesDisabled::new(here.task);
                choose(is_first).schedule();
            }
            here.task.yield_if_needed();
        }
    })
}
