// SPDX-License-Identifier: GPL-2.0

//! The same two bodies, run by each mechanism: which of them may run at the same time.
//!
//! A body that runs waits for a while for somebody else to come. First one body is requested on all
//! CPUs, then two bodies, each on a CPU of its own. In the control the soft IRQ runs all of them.

use super::runner::{
    self,
    New, //
};
use crate::{
    claim::{
        hammer::hammer,
        prelude::*,
        skip, //
    },
    overlap::Overlap, //
};
use irqlab::cpu;
use kernel::sync::Arc;

claim! {
    quote: "A soft irq can execute simultaneously on multiple processors. Unlike a handler of a soft irq, a handler \
            of a tasklet will only execute on one processor at a time. Only one bottom half handler will execute at a time.",
    section: "4.1.1.1. Example: Linux Tasklets (shortened)",
    today: "so for tasklets and soft IRQs, here BH work with an item for each CPU; bottom halves, DPCs and \
            interrupt threads are rebuilt",
    functions: "tasklet_action_common(), __queue_work(), handle_softirqs(); BottomHalves here",
    control: "soft IRQ work passes for all",
    next: "cat old_bh/slots; echo TASK-02 > claims; grep ^TASK-02 claims",
}

/// What may run at the same time as a body.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Beside {
    Nothing,
    /// Another body.
    Others,
    /// The same body, too.
    Itself,
}

/// A way to run bodies, by its name, and what it lets run at the same time.
struct Row(&'static str, New, Beside);

const ROWS: &[Row] = &[
    Row("old_bh", runner::old_bh, Beside::Nothing),
    Row("tasklet", runner::tasklet, Beside::Others),
    Row("softirq", runner::softirq, Beside::Itself),
    Row("dpc", runner::dpc, Beside::Itself),
    Row("int_thread", runner::interrupt_thread, Beside::Itself),
];

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [_, _] = trial.cpus()?;
    for Row(name, new, beside) in ROWS {
        let (may_itself, may_others) = (*beside >= Beside::Itself, *beside >= Beside::Others);
        let new = trial.pick(*new, runner::softirq as New);
        let one = meet(trial, name, new, 1, may_itself)?;
        let two = meet(trial, name, new, 2, may_others)?;
        let is_so = (one.max() > 1) == may_itself && (two.max() > 1) == may_others;
        evidence.check(
            is_so,
            fmt!(
                "{}: one body ran {} times on {} CPUs, at most {} at a time, two bodies {} times, at most {}",
                name,
                one.runs(),
                one.nr_cpus(),
                one.max(),
                two.runs(),
                two.max()
            ),
        )?;
    }
    evidence.holds()
}

/// Has so many bodies, 1 or 2, requested until it is known whether they run at the same time, as
/// they may or not.
///
/// Refusals: a skip if they had no opportunity to.
fn meet(
    trial: &Trial<'_>,
    name: &str,
    new: New,
    nr_bodies: usize,
    may: bool,
) -> Answer<Arc<Overlap>> {
    const MIN_RUNS: u64 = 100;
    const MAX_MS: u64 = 3000;

    let meeting = Overlap::new()?;
    let runner = new(&meeting, trial)?;
    // One never overlaps itself only if several CPUs ran it; two, only if each had a CPU.
    let had_opportunity = || meeting.nr_cpus() > 1 && meeting.runs() >= MIN_RUNS;
    let is_enough = || match may {
        true => meeting.is_known(),
        false => meeting.max() > 1 || had_opportunity(),
    };
    // With two, any overlap is of different ones.
    let nr_cpus = if nr_bodies == 1 { usize::MAX } else { 2 };
    let cpus = cpu::online().take(nr_cpus);
    hammer(trial, cpus, MAX_MS, &meeting, is_enough, |index| {
        runner.request(index % nr_bodies)
    })?;
    drop(runner);
    if !is_enough() {
        skip!(
            Missed: "{name}: {} runs on {} CPUs in {MAX_MS} ms, {} of them requested beside another",
            meeting.runs(),
            meeting.nr_cpus(),
            meeting.nr_kept()
        );
    }
    Ok(meeting)
}
