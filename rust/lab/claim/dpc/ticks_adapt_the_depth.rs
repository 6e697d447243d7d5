// SPDX-License-Identifier: GPL-2.0

//! At each tick the rate becomes the mean of itself and of what came since the last one; a queue
//! that waits is drained, and its maximum depth falls if the rate is below the ideal one;
//! otherwise the depth recovers, one in 20 ticks.
//!
//! The queue's state is looked at more often than it ticks. What lies between two looks that
//! are one tick apart must follow from the rules; pairs with more ticks between are left out.

use super::probe::{
    probe,
    system,
    Boxed,
    Journal,
    ONLY_INSERTIONS, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    context::Task,
    cpu::CpuId,
    dpc::{
        Arguments,
        Cause,
        Importance,
        Ordinary,
        Parameters,
        Status,
        System, //
    },
};
use kernel::sync::Arc;

claim! {
    quote: "The decision when to execute a deferred procedure call depends on the importance of the call, the depth of the queue and the rate of the interrupts.",
    section: "4.1.1.2. Example: Windows Deferred Procedure Calls",
    today: "rebuilt with a timer as the tick, which stops when nothing can change any more",
    functions: "dpc::policy::Policy::tick()",
    control: "the ideal rate is 0, below which no rate is",
    next: "echo tick_ms=100 > dpc/parameters; echo 40 > deferral/dpc/schedule; cat dpc/queues; cat dpc/queues",
}

const TICK_MS: u32 = 4;
/// How long to watch at most.
const MAX_NS: u64 = 5_000_000_000;

/// What was seen of the rules.
struct Watch {
    last: Status,
    /// Ticks of which the state before and after was seen, and those that broke a rule.
    nr_ticks: u64,
    nr_wrong: u64,
    lowest: u32,
    highest_rate: u32,
    /// The number of the tick from which quiet ones are counted.
    changed: Option<u64>,
    /// How many ticks it took to recover by one, at least and at most.
    recovery: Option<(u64, u64)>,
}

impl Watch {
    fn new(status: Status) -> Self {
        Self {
            last: status,
            nr_ticks: 0,
            nr_wrong: 0,
            lowest: status.maximum_depth,
            highest_rate: 0,
            changed: None,
            recovery: None,
        }
    }

    /// Compares a look with the one before.
    fn look(&mut self, now: Status, parameters: &Parameters) {
        let last = core::mem::replace(&mut self.last, now);
        self.lowest = self.lowest.min(now.maximum_depth);
        self.highest_rate = self.highest_rate.max(now.rate);
        if now.nr_ticks != last.nr_ticks + 1 {
            // A rise in between would be at a time that is not known.
            if now.nr_ticks != last.nr_ticks {
                self.changed = None;
            }
            return;
        }
        self.nr_ticks += 1;
        let tick = Cause::Tick as usize;
        let was_waiting = now.nr_requests[tick] > last.nr_requests[tick];
        let new = now.nr_inserted_at_tick - last.nr_inserted_at_tick;
        let rate = (new + u64::from(last.rate)) / 2;
        let falls = was_waiting && now.rate < parameters.ideal_rate && last.maximum_depth > 1;
        let is_right = if was_waiting {
            now.maximum_depth == last.maximum_depth - u32::from(falls)
        } else {
            now.maximum_depth >= last.maximum_depth && now.maximum_depth <= last.maximum_depth + 1
        };
        if u64::from(now.rate) != rate || !is_right {
            self.nr_wrong += 1;
        }
        if was_waiting {
            // The count of quiet ticks begins here.
            self.changed = Some(now.nr_ticks);
        } else if now.maximum_depth > last.maximum_depth {
            if let Some(since) = self.changed {
                let took = now.nr_ticks - since;
                let (low, high) = self.recovery.unwrap_or((took, took));
                self.recovery = Some((low.min(took), high.max(took)));
            }
            self.changed = Some(now.nr_ticks);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let parameters = Parameters {
        tick_ms: TICK_MS,
        ideal_rate: trial.pick(ONLY_INSERTIONS.ideal_rate, 0),
        ..ONLY_INSERTIONS
    };
    let system = system(parameters)?;
    let [cpu] = trial.cpus::<1>()?;
    let journal = Journal::new()?;
    let low = probe::<Ordinary>(&system, &journal, 'l')?;
    low.set_importance(Importance::Low);
    low.set_target(Some(cpu));
    let mut watch = Watch::new(system.ordinary(cpu));

    // One waits at each tick, until the depth cannot fall further; in the control, for a while.
    let is_over = |watch: &Watch| watch.lowest == 1 || watch.last.nr_ticks > 20;
    observe(trial, &system, cpu, &mut watch, is_over, || {
        low.insert(Arguments::default());
    })?;
    let fell_to = watch.lowest;
    // Many at once, for the rate, and then none, until all is as it was.
    burst(&system, &journal, cpu, trial.task)?;
    observe(
        trial,
        &system,
        cpu,
        &mut watch,
        |watch| {
            let last = &watch.last;
            last.rate == 0 && last.maximum_depth == parameters.maximum_depth
        },
        || (),
    )?;

    if watch.nr_ticks < watch.last.nr_ticks / 2 {
        skip!(
            "the machine is too busy: only {} of {} ticks were seen one by one",
            watch.nr_ticks,
            watch.last.nr_ticks
        );
    }
    let has_recovered = fell_to == 1 && watch.last.maximum_depth == parameters.maximum_depth;
    if watch.nr_wrong == 0 && has_recovered && watch.recovery.is_none() {
        skip!("the machine is too busy: the maximum depth recovered, but no step was seen at its time");
    }
    let mut evidence = Evidence::new();
    evidence.check(
        watch.nr_wrong == 0,
        fmt!(
            "{} ticks seen one by one, {} of them against the rules for rate and depth",
            watch.nr_ticks,
            watch.nr_wrong
        ),
    )?;
    evidence.note(fmt!(
        "the rate rose to {} and fell to 0",
        watch.highest_rate
    ))?;
    evidence.check(
        fell_to == 1,
        fmt!("with a Low DPC waiting at each tick the maximum depth fell to {fell_to}"),
    )?;
    let last = watch.last.maximum_depth;
    match watch.recovery {
        None => evidence.check(false, fmt!("it was not seen to recover, and is {last}"))?,
        Some((shortest, longest)) => {
            let adjustment = u64::from(parameters.adjustment);
            evidence.check(
                last == parameters.maximum_depth && (shortest, longest) == (adjustment, adjustment),
                fmt!("then it recovered to {last}, by one in {shortest} to {longest} ticks"),
            )?
        }
    }
    evidence.holds()
}

/// Looks at the queue, a few times each tick, until it is over.
fn observe(
    trial: &Trial<'_>,
    system: &Arc<System>,
    cpu: CpuId,
    watch: &mut Watch,
    is_over: impl Fn(&Watch) -> bool,
    stir: impl Fn(),
) -> Answer {
    let parameters = system.parameters();
    let start_ns = clock::now_ns();
    while !is_over(watch) {
        if clock::now_ns().saturating_sub(start_ns) > MAX_NS || trial.task.is_interrupted() {
            break;
        }
        stir();
        trial.task.sleep_us(TICK_MS * 100, TICK_MS * 100);
        watch.look(system.ordinary(cpu), &parameters);
    }
    Ok(())
}

/// Has many DPCs run on a CPU, at once.
fn burst(system: &Arc<System>, journal: &Arc<Journal>, cpu: CpuId, task: &Task) -> Answer {
    const COUNT: usize = 48;

    let mut dpcs: KVec<Boxed<Ordinary>> = KVec::new();
    for _ in 0..COUNT {
        let dpc = probe::<Ordinary>(system, journal, 'b')?;
        dpc.set_target(Some(cpu));
        dpc.set_importance(Importance::High);
        dpcs.push(dpc, GFP_KERNEL)?;
    }
    for dpc in &dpcs {
        dpc.insert(Arguments::default());
    }
    Ok(system.flush(task)?)
}
