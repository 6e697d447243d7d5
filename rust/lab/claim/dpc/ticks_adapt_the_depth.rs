// SPDX-License-Identifier: GPL-2.0

//! At each tick the rate becomes the mean of itself and of what came since the last one; a queue
//! that waits is drained, and its maximum depth falls if the rate is below the ideal one;
//! otherwise the depth recovers, one in 20 ticks.
//!
//! The queue's state is looked at more often than it ticks. What lies between two looks that
//! are one tick apart must follow from the rules. On a busy machine there may be more ticks between
//! two looks: then it is known only in which of them the depth changed at the earliest and at the
//! latest, and so how long it took to recover at least and at most.

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
    next: "echo tick_ms=100 > dpc/parameters; echo 40 > deferral/dpc/schedule; cat dpc/queues; cat dpc/queues; echo default > dpc/parameters",
}

const TICK_MS: u32 = 10;
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
    /// The tick from which quiet ones are counted, at the earliest and at the latest.
    changed: Option<(u64, u64)>,
    /// How many ticks it takes to recover by one, at least and at most, as far as was seen.
    recovery: (u64, u64),
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
            recovery: (0, u64::MAX),
        }
    }

    /// Compares a look with the one before.
    fn look(&mut self, now: Status, parameters: &Parameters) {
        let last = core::mem::replace(&mut self.last, now);
        self.lowest = self.lowest.min(now.maximum_depth);
        self.highest_rate = self.highest_rate.max(now.rate);
        if now.nr_ticks == last.nr_ticks {
            return;
        }
        let tick = Cause::Tick as usize;
        let was_waiting = now.nr_requests[tick] > last.nr_requests[tick];
        self.time_recovery(&last, &now, was_waiting);
        if now.nr_ticks == last.nr_ticks + 1 {
            self.check_tick(&last, &now, was_waiting, parameters);
        }
    }

    /// Narrows down how many ticks it takes to recover by one.
    fn time_recovery(&mut self, last: &Status, now: &Status, was_waiting: bool) {
        let nr_rises = u64::from(now.maximum_depth.saturating_sub(last.maximum_depth));
        if !was_waiting && nr_rises == 0 {
            return;
        }
        let (first, final_) = (last.nr_ticks + 1, now.nr_ticks);
        // If one waited, the count of quiet ticks begins here.
        if let (false, Some((earliest, latest))) = (was_waiting, self.changed) {
            let (low, high) = &mut self.recovery;
            *low = (*low).max(first.saturating_sub(latest).div_ceil(nr_rises));
            *high = (*high).min((final_ - earliest) / nr_rises);
        }
        self.changed = Some((first, final_));
    }

    /// Compares the state before and after a single tick with the rules.
    fn check_tick(
        &mut self,
        last: &Status,
        now: &Status,
        was_waiting: bool,
        parameters: &Parameters,
    ) {
        self.nr_ticks += 1;
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
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
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

    // One waits at a tick, until the depth cannot fall further; in the control, often enough.
    let tick = Cause::Tick as usize;
    let is_over = |watch: &Watch| watch.lowest == 1 || watch.last.nr_requests[tick] > 20;
    observe(trial, &system, cpu, &mut watch, is_over, || {
        low.insert(Arguments::default());
    })?;
    let fell_to = watch.lowest;
    // Many at once, for the rate, and then none, until all is as it was.
    burst(&system, &journal, cpu, trial.task)?;
    let adjustment = u64::from(parameters.adjustment);
    let last_tick = watch.last.nr_ticks + 10 * adjustment;
    let is_over = |watch: &Watch| {
        let last = &watch.last;
        let is_settled = last.rate == 0 && last.maximum_depth == parameters.maximum_depth;
        is_settled || last.nr_ticks > last_tick
    };
    observe(trial, &system, cpu, &mut watch, is_over, || ())?;

    let last = &watch.last;
    let (shortest, longest) = watch.recovery;
    let has_recovered = fell_to == 1 && last.maximum_depth == parameters.maximum_depth;
    let is_vague = has_recovered && longest.saturating_sub(shortest) > adjustment / 2;
    if watch.nr_ticks < 10 || is_vague {
        skip!(
            Busy: "only {} of {} ticks were seen one by one",
            watch.nr_ticks,
            last.nr_ticks
        );
    }
    evidence.check(
        watch.nr_wrong == 0,
        fmt!(
            "{} ticks seen one by one, {} of them against the rules for rate and depth",
            watch.nr_ticks,
            watch.nr_wrong
        ),
    )?;
    evidence.note(fmt!(
        "the rate rose to {} and fell to {}",
        watch.highest_rate,
        last.rate
    ))?;
    evidence.check(
        fell_to == 1,
        fmt!("with a Low DPC waiting at each tick the maximum depth fell to {fell_to}"),
    )?;
    if has_recovered {
        evidence.check(
            shortest <= adjustment && adjustment <= longest,
            fmt!(
                "then it recovered to {}, by one each time, {shortest} ticks apart at least and {longest} at most",
                last.maximum_depth
            ),
        )?;
    } else {
        evidence.check(
            false,
            fmt!("it was not seen to recover, and is {}", last.maximum_depth),
        )?;
    }
    evidence.holds()
}

/// Looks at the queue, a few times each tick, until it is over: that is, until it has ticked often
/// enough.
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
            skip!(
                Busy: "{} ticks in all",
                watch.last.nr_ticks
            );
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
