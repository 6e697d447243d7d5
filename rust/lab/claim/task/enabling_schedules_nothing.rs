// SPDX-License-Identifier: GPL-2.0

//! The text has tasklet_hi_enable() schedule a tasklet at high priority, as tasklet_enable() at
//! normal priority. They never did, and the first is gone: there are functions to schedule.
//!
//! With interrupts off on a CPU nobody else raises a soft IRQ there: what it is after a step, that
//! step has raised. In the control nothing is scheduled at high priority.

use crate::{
    claim::{
        log::{
            Event,
            Log,
            What, //
        },
        prelude::*,
        together::together, //
    },
    runs::Runs, //
};
use core::ops::Range;
use irqlab::{
    softirq::Vector,
    tasklet::Tasklet, //
};
use kernel::sync::Arc;

claim! {
    quote: "Enable functions are mapped to Soft IRQs lines: tasklet_enable() mapped to TASKLET_SOFTIRQ, tasklet_hi_enable() mapped to HI_SOFTIRQ",
    section: "Tasklets",
    today: "enabling only counts down, whatever the priority, and there is one function for both; it is tasklet_schedule() and tasklet_hi_schedule() that have a soft IRQ each",
    functions: "tasklet_enable(), __tasklet_schedule(), __tasklet_hi_schedule()",
    control: "the second is scheduled at normal priority, too",
    next: "echo TASK-04 > claims; grep ^TASK-04 claims",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let tasklet = || Arc::pin_init(Tasklet::new(Ok(Runs::new())), GFP_KERNEL);
    let (enabled, normal, high) = (tasklet()?, tasklet()?, tasklet()?);
    let log = Log::of([0, 0])?.soft_irqs()?;
    let disabled = enabled.disable(trial.task);
    let (cpu, nr_before, nr_after) = together(trial, |cpu| {
        let nr_before = log.nr_events();
        drop(disabled);
        let nr_after = log.nr_events();
        normal.schedule();
        if trial.is_control() {
            high.schedule();
        } else {
            high.schedule_hi();
        }
        (cpu, nr_before, nr_after)
    });
    trial.come("a tasklet", || normal.count() + high.count() == 2)?;

    let events = log.events()?;
    let raised = |when: Range<usize>, vector: Vector| {
        let is_raised = |event: &&Event| {
            let is_here = event.cpu == cpu.as_u32() && event.id == vector as usize;
            is_here && event.what == What::Raised && when.contains(&event.index)
        };
        events.iter().filter(is_raised).count()
    };
    let (enabling, later) = (nr_before..nr_after, nr_after..usize::MAX);
    let by_enabling = raised(enabling.clone(), Vector::Hi) + raised(enabling, Vector::Tasklet);
    let nr_normal = raised(later.clone(), Vector::Tasklet);
    let nr_high = raised(later, Vector::Hi);

    evidence.note(fmt!(
        "tasklet_enable() raised a soft IRQ {by_enabling} times, and its tasklet ran {} times",
        enabled.count()
    ))?;
    evidence.check(
        nr_normal > 0,
        fmt!("tasklet_schedule() raised TASKLET {nr_normal} times"),
    )?;
    evidence.check(
        nr_high > 0,
        fmt!(
            "{}() raised HI {nr_high} times",
            trial.pick("tasklet_hi_schedule", "tasklet_schedule")
        ),
    )?;
    if by_enabling > 0 && enabled.count() > 0 {
        return evidence.holds();
    }
    evidence.check(
        by_enabling == 0 && enabled.count() == 0,
        fmt!("so enabling is not scheduling"),
    )?;
    evidence.outdated()
}
