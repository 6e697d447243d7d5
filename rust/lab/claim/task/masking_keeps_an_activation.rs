// SPDX-License-Identifier: GPL-2.0

//! Masking a tasklet keeps an activation, which runs when it is enabled; masking BH work, which is
//! to take its place, refuses it.
//!
//! Both are disabled, activated and enabled, and a second work behind shows when the first would have
//! had its turn. In the control both are enabled before they are activated.

use crate::{
    claim::{
        log::{
            Log,
            What, //
        },
        prelude::*, //
    },
    runs::Runs, //
};
use irqlab::{
    new_work,
    tasklet::Tasklet,
    workqueue::Queue, //
};
use kernel::sync::Arc;

claim! {
    quote: "Masking. Selectively disable a function so that it will be not executed even if activated.",
    section: "SoftIRQs and Tasklets (and beyond it)",
    today: "a disabled tasklet stays scheduled; disable_work(), since Linux 6.10, has queue_work() return false: who moves a driver from one to the other has to queue again after enabling",
    functions: "tasklet_disable(), disable_work_sync(), clear_pending_if_disabled(), enable_and_queue_work()",
    control: "both are enabled before they are activated",
    next: "echo 0 > deferral/bh_wq/enabled; echo 3 > deferral/bh_wq/schedule; echo 1 > \
           deferral/bh_wq/enabled; cat deferral/bh_wq/context",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let queue = Queue::bh(c"irqlab_task_11")?;
    let tasklet = Arc::pin_init(Tasklet::new(Ok::<_, Error>(Runs::new())), GFP_KERNEL)?;
    let work = || Arc::pin_init(new_work!(Ok::<_, Error>(Runs::new())), GFP_KERNEL);
    let (work, next) = (work()?, work()?);
    let log = Log::of([tasklet.function(), work.function()])?;
    let log = log.tasklets()?.work()?;

    let mut disabled = Some((tasklet.disable(trial.task), work.disable(trial.task)));
    if trial.is_control() {
        disabled = None;
    }
    tasklet.schedule();
    let is_taken = work.queue(&queue);
    let is_disabled = disabled.is_some();
    let early = (tasklet.count(), work.count());
    drop(disabled);
    trial.come("a tasklet", || tasklet.count() > 0)?;
    next.queue(&queue);
    next.flush(trial.task)?;
    let [seen_tasklet, seen_work] = [
        log.count(What::Began, tasklet.id())?,
        log.count(What::Began, work.id())?,
    ];

    evidence.note(fmt!(
        "a tasklet and BH work, both {}",
        trial.pick(
            "disabled, activated, enabled",
            "disabled, enabled, activated"
        )
    ))?;
    evidence.check(
        !is_disabled || early == (0, 0),
        fmt!(
            "before they were enabled they ran {} and {} times",
            early.0,
            early.1
        ),
    )?;
    evidence.check(
        tasklet.count() == 1 && seen_tasklet == 1,
        fmt!("the tasklet ran {} times", tasklet.count()),
    )?;
    evidence.check(
        !is_taken && work.count() == 0 && seen_work == 0,
        fmt!(
            "the work was {} and ran {} times",
            if is_taken { "taken" } else { "refused" },
            work.count()
        ),
    )?;
    evidence.note(fmt!(
        "the kernel's tracepoints tell of {seen_tasklet} and {seen_work} runs"
    ))?;
    evidence.holds()
}
