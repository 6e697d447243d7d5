// SPDX-License-Identifier: GPL-2.0

//! All enabled tasklets run before the action of their soft IRQ has ended: it takes the whole list.
//!
//! Some are scheduled before the soft IRQ comes. Its tracepoints say when its action begins and ends,
//! and those of the tasklets, which ran between. In the control half of them are scheduled after an
//! action has ended.

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
    quote: "All non-disabled Tasklets are executed, before the corresponding SoftIRQ action completes.",
    section: "Tasklets",
    today: "so: the action takes the CPU's list and runs what is on it; what is scheduled meanwhile is for the next action",
    functions: "tasklet_action_common(), handle_softirqs()",
    control: "half of them are scheduled after an action has ended",
    next: "echo 1 > tape_on; echo 5 > deferral/tasklet/schedule; echo 0 > tape_on; tail -n 40 tape",
}

const TASKLETS: usize = 20;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let mut tasklets = KVec::new();
    for _ in 0..TASKLETS {
        let tasklet = Tasklet::new(Ok::<_, Error>(Runs::new()));
        tasklets.push(KBox::pin_init(tasklet, GFP_KERNEL)?, GFP_KERNEL)?;
    }
    let log = Log::of([tasklets[0].function(), 0])?;
    let log = log.tasklets()?.soft_irqs()?;
    let mut cpu = None;
    for part in tasklets.chunks(trial.pick(TASKLETS, TASKLETS / 2)) {
        let here = together(trial, |cpu| {
            for tasklet in part {
                tasklet.schedule();
            }
            cpu
        });
        trial.come("a tasklet", || {
            part.iter().all(|tasklet| tasklet.count() > 0)
        })?;
        cpu.get_or_insert(here.as_u32());
    }

    // How many began in the first action that ran one.
    let events = log.events()?;
    let (mut nr_inside, mut has_ended) = (0, false);
    for event in events.iter().filter(|event| Some(event.cpu) == cpu) {
        match event.what {
            What::Began if !has_ended => nr_inside += 1,
            What::Left if event.id == Vector::Tasklet as usize => has_ended = nr_inside > 0,
            _ => (),
        }
    }
    let nr_began = events.iter().filter(|event| event.what == What::Began);
    let nr_began = nr_began.count();
    let nr_run = tasklets.iter().filter(|tasklet| tasklet.count() == 1);
    let nr_run = nr_run.count();

    evidence.note(fmt!(
        "{TASKLETS} tasklets scheduled {}",
        trial.pick(
            "before the soft IRQ came",
            "in two halves, the second after the first had run"
        )
    ))?;
    evidence.check(
        has_ended && nr_inside == TASKLETS,
        fmt!("{nr_inside} began before the first action ended"),
    )?;
    evidence.check(
        nr_run == TASKLETS && nr_began == TASKLETS,
        fmt!("{nr_run} ran once, by the kernel's tasklet_entry {nr_began}"),
    )?;
    evidence.holds()
}
