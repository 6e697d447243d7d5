// SPDX-License-Identifier: GPL-2.0

//! A disabled tasklet stays pending until it is enabled; disabling nests.
//!
//! Not for free: the soft IRQ finds it, cannot run it, and raises itself again, which keeps
//! ksoftirqd busy all the while. That is also how to see that it had its chance to run. In the
//! control it is enabled again before it is scheduled.

use crate::{
    claim::{
        log::{
            Log,
            What, //
        },
        prelude::*,
        skip,
        together::together, //
    },
    runs::Runs, //
};
use irqlab::{
    softirq::{
        self,
        Vector, //
    },
    tasklet::Tasklet, //
};
use kernel::sync::Arc;

claim! {
    quote: "Masking. Selectively disable a function so that it will be not executed even if activated.",
    section: "SoftIRQs and Tasklets",
    today: "so for tasklets, by a counter; the soft IRQ finds the tasklet, cannot run it and raises itself again, which keeps ksoftirqd busy",
    functions: "tasklet_disable(), tasklet_enable(), tasklet_action_common()",
    control: "it is enabled as often as it was disabled before it is scheduled",
    next: "echo 0 > deferral/tasklet/enabled; echo 1 > deferral/tasklet/schedule; cat \
           deferral/tasklet/context; echo 1 > deferral/tasklet/enabled; cat deferral/tasklet/context",
}

/// How often the soft IRQ has to come: if it has come twice, its first action has ended.
const CHANCES: u64 = 2;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let tasklet = Arc::pin_init(Tasklet::new(Ok(Runs::new())), GFP_KERNEL)?;
    let log = Log::of([tasklet.function(), 0])?.tasklets()?;
    let runs = || tasklet.count();

    let mut disabled = Some((tasklet.disable(trial.task), tasklet.disable(trial.task)));
    if trial.is_control() {
        disabled = None;
    }
    let cpu = together(trial, |cpu| {
        tasklet.schedule();
        cpu
    });
    // By /proc/softirqs. The tasklet is on the list of this CPU, so that its soft IRQ finds it.
    let served = || softirq::count(Vector::Tasklet, cpu);
    let come_in_vain = || -> Answer<u64> {
        let before = served();
        let nr_since = || served().wrapping_sub(before);
        if !trial.eventually(2000, || nr_since() >= CHANCES || runs() > 0) {
            skip!(Missed: "the soft IRQ did not come for 2000 ms");
        }
        Ok(nr_since())
    };
    let nr_chances = come_in_vain()?;
    evidence.check(
        runs() == 0,
        fmt!(
            "{} and scheduled: the soft IRQ of CPU {} came {nr_chances} times, it ran {} times",
            trial.pick("disabled twice", "disabled twice, enabled twice"),
            cpu.as_u32(),
            runs()
        ),
    )?;
    if let Some((first, second)) = disabled {
        drop(second);
        let nr_chances = come_in_vain()?;
        evidence.check(
            runs() == 0,
            fmt!(
                "enabled once: it came {nr_chances} times, it ran {} times",
                runs()
            ),
        )?;
        drop(first);
        trial.come("a tasklet that was enabled", || runs() > 0)?;
        evidence.check(runs() == 1, fmt!("enabled twice: it ran {} times", runs()))?;
    }
    let seen = log.count(What::Began, tasklet.id())?;
    evidence.check(
        seen == runs(),
        fmt!("the kernel's tasklet_entry tells of {seen} runs"),
    )?;
    evidence.holds()
}
