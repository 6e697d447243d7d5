// SPDX-License-Identifier: GPL-2.0

//! A tasklet runs on the CPU that scheduled it.
//!
//! Each CPU has a tasklet of its own, and schedules it some times. In the control it schedules that
//! of the next CPU.

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
    clock::Limit,
    context::BottomHalvesDisabled,
    cpu::{
        self,
        PerCpu, //
    },
    tasklet::Tasklet, //
};

claim! {
    quote: "(beyond the text)",
    section: "Tasklets",
    today: "so: each CPU has two lists of tasklets, and one is put on that of the CPU which schedules it; if that CPU goes offline, another takes the list over",
    functions: "__tasklet_schedule_common(), takeover_tasklets()",
    control: "each CPU schedules its neighbour's tasklet",
    next: "echo line=sim0 mechanisms=tasklet cpu=1 > bench; cat deferral/tasklet/context",
}

/// How often each CPU schedules one.
const TIMES: u64 = 5;

/// How long a CPU waits for a run, in nanoseconds.
const PATIENCE_NS: u64 = 2_000_000_000;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [first, _] = trial.cpus()?;
    let tasklets =
        PerCpu::new(|| KBox::pin_init(Tasklet::new(Ok::<_, Error>(Runs::new())), GFP_KERNEL))?;
    let log = Log::of([tasklets.of(first).function(), 0])?.tasklets()?;
    let is_control = trial.is_control();
    let nr_cpus = cpu::run_on(&trial.lab.workers, cpu::online(), trial.task, |here| {
        let neighbour = || cpu::next_online(here.cpu).unwrap_or(here.cpu);
        let tasklet = tasklets.of(if is_control { neighbour() } else { here.cpu });
        for run in 0..TIMES {
            {
                let _guard = BottomHalvesDisabled::new(here.task);
                tasklet.schedule();
            }
            let mut limit = Limit::ns(PATIENCE_NS);
            while tasklet.count() <= run && !limit.has_passed() && !here.is_stopped() {
                here.task.sleep_us(50, 50);
            }
        }
    })?;
    trial.come("a tasklet", || {
        cpu::online().all(|cpu| tasklets.of(cpu).count() > 0)
    })?;
    let (mut at_home, mut away, mut nr_silent) = (0u64, 0u64, 0);
    let events = log.events()?;
    for cpu in cpu::online() {
        let id = tasklets.of(cpu).id();
        let began = events.iter().filter(|event| event.what == What::Began);
        let (before, mut runs) = (at_home + away, began.filter(|event| event.id == id));
        runs.by_ref().for_each(|run| {
            if run.cpu == cpu.as_u32() {
                at_home += 1;
            } else {
                away += 1;
            }
        });
        nr_silent += u32::from(at_home + away == before);
    }

    evidence.note(fmt!(
        "{nr_cpus} CPUs, a tasklet each; each CPU scheduled {} {TIMES} times",
        trial.pick("its own", "that of the next CPU")
    ))?;
    evidence.check(
        at_home > 0 && nr_silent == 0,
        fmt!("by the kernel's tasklet_entry {at_home} runs were on the tasklet's CPU"),
    )?;
    evidence.check(away == 0, fmt!("{away} were elsewhere"))?;
    evidence.holds()
}
