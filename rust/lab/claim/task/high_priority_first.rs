// SPDX-License-Identifier: GPL-2.0

//! Tasklets of high priority run before the others.
//!
//! They have a soft IRQ of their own, HI_SOFTIRQ, with the lowest number of all. Two tasklets are
//! scheduled before one of them can run: first the one of normal priority, then the other. In the
//! control both have normal priority.

use crate::{
    claim::{
        log::{
            Log,
            What, //
        },
        prelude::*,
        together::together, //
    },
    runs::Runs, //
};
use irqlab::{
    softirq::Vector,
    tasklet::Tasklet, //
};

claim! {
    quote: "No real difference between the two, except that do_softirq() processes HI_SOFTIRQ before TASKLET_SOFTIRQ.",
    section: "Tasklets",
    today: "so: HI_SOFTIRQ has the lowest number of all",
    functions: "tasklet_hi_schedule(), tasklet_hi_action(), handle_softirqs()",
    control: "both have normal priority",
    next: "echo line=sim0 mechanisms=tasklet_hi,tasklet > bench; cat bench",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let tasklet = || KBox::pin_init(Tasklet::new(Ok(Runs::new())), GFP_KERNEL);
    let (normal, high) = (tasklet()?, tasklet()?);
    let log = Log::of([normal.function(), 0])?.tasklets()?.soft_irqs()?;
    let cpu = together(trial, |cpu| {
        normal.schedule();
        if trial.is_control() {
            high.schedule();
        } else {
            high.schedule_hi();
        }
        cpu
    });
    trial.come("a tasklet", || normal.count() + high.count() == 2)?;

    // What happened on that CPU, and in which soft IRQ each of them began.
    let events = log.events()?;
    let mut action = None;
    let mut order = KVec::new();
    for event in events.iter().filter(|event| event.cpu == cpu.as_u32()) {
        match event.what {
            What::Entered => action = u32::try_from(event.id).ok().and_then(Vector::from_raw),
            What::Began => order.push((event.id, action), GFP_KERNEL)?,
            _ => (),
        }
    }
    evidence.note(fmt!(
        "scheduled before one could run: one of normal priority, then one of {} priority",
        trial.pick("high", "normal")
    ))?;
    for (place, (id, action)) in order.iter().enumerate() {
        let action = action.map_or("no", |vector| vector.name());
        let (which, is_its_place) = if *id == high.id() {
            ("second", place == 0 && action == Vector::Hi.name())
        } else {
            ("first", place == 1 && action == Vector::Tasklet.name())
        };
        evidence.check(
            is_its_place,
            fmt!("at place {}: the {which}, in {action}", place + 1),
        )?;
    }
    evidence.check(order.len() == 2, fmt!("{} of 2 ran", order.len()))?;
    evidence.holds()
}
