// SPDX-License-Identifier: GPL-2.0

//! Every CPU has a ksoftirqd of its own, bound to it.
//!
//! A soft IRQ that a task raises with nothing around it is ksoftirqd's. The tasklet that it runs then
//! tells on how many CPUs that thread may run.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    raiser::VECTOR,
    witness::Witness, //
};
use irqlab::{
    context::{
        BottomHalvesDisabled,
        Snapshot,
        SoftIrq, //
    },
    cpu::{
        self,
        PerCpu, //
    },
    emit,
    softirq::Executor,
    task,
    tasklet::{
        Handler,
        Kind,
        Tasklet, //
    },
    text::Text,
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "In modern kernel versions, each CPU has its own ksoftirqd/n kernel thread (where n is the logical number of the CPU).",
    section: "ksoftirqd",
    today: "as the text says, since 2.4; today the code that brings CPUs up makes the threads",
    functions: "spawn_ksoftirqd(), smpboot_register_percpu_thread()",
    control: "soft IRQs are raised where tasks serve them",
    next: "ps | grep ksoftirqd",
}

/// How often each CPU raises it: an interrupt may come before ksoftirqd.
const TRIES: usize = 10;

/// Notes the task that each run was in, and how many CPUs that may use.
struct Affinity {
    pids: [Atomic<i32>; TRIES],
    nr_allowed: [Atomic<u32>; TRIES],
    runs: Atomic<usize>,
    is_used: Atomic<bool>,
}

impl Handler<Kind> for Affinity {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let run = this.runs.fetch_add(1, Relaxed);
        if let Some((pid, nr_allowed)) = this.pids.get(run).zip(this.nr_allowed.get(run)) {
            pid.store(Snapshot::take().pid, Relaxed);
            nr_allowed.store(task::nr_cpus_allowed(), Relaxed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let is_control = trial.is_control();
    let tasklets = PerCpu::new(|| {
        let affinity = Affinity {
            pids: [const { Atomic::new(0) }; TRIES],
            nr_allowed: [const { Atomic::new(0) }; TRIES],
            runs: Atomic::new(0),
            is_used: Atomic::new(false),
        };
        KBox::pin_init(Tasklet::new(Ok::<_, Error>(affinity)), GFP_KERNEL)
    })?;
    let witness = Witness::of(|event| event.is_of(VECTOR))?;
    let nr_cpus = cpu::run_on(&trial.lab.workers, cpu::online(), trial.task, |here| {
        let tasklet = tasklets.of(here.cpu);
        tasklet.is_used.store(true, Relaxed);
        for run in 0..TRIES {
            {
                let _guard = is_control.then(|| BottomHalvesDisabled::new(here.task));
                tasklet.schedule_hi();
            }
            // Now ksoftirqd runs, which was woken.
            for _ in 0..10 {
                if tasklet.runs.load(Relaxed) > run {
                    break;
                }
                here.task.sleep_ms(1);
            }
        }
    })?;
    let testimony = witness.testimony()?;
    let mut pids = KVec::new();
    let used = tasklets
        .with_cpus()
        .filter(|(_, tasklet)| tasklet.is_used.load(Relaxed));
    for (cpu, tasklet) in used {
        // Of the kernel's events the first by ksoftirqd that the tasklet was run in, too.
        let run_in = |pid| {
            let mut runs = tasklet.pids.iter().zip(&tasklet.nr_allowed);
            runs.find(|(run, _)| run.load(Relaxed) == pid)
        };
        let found = testimony
            .services(cpu, 0, VECTOR)
            .filter(|(_, executor)| *executor == Executor::Ksoftirqd)
            .find_map(|(noted, _)| Some((noted, run_in(noted.at.pid)?.1)));
        let cpu = cpu.as_u32();
        let Some((noted, nr_allowed)) = found else {
            if !is_control {
                skip!("the machine is too busy: others came before ksoftirqd on CPU {cpu}");
            }
            evidence.check(false, fmt!("CPU {cpu}: ksoftirqd served none"))?;
            continue;
        };
        let mut name = Text::new();
        emit!(&mut name, "ksoftirqd/{}", cpu)?;
        let nr_allowed = nr_allowed.load(Relaxed);
        evidence.check(
            noted.at.comm() == name.as_str() && nr_allowed == 1,
            fmt!(
                "CPU {cpu}: {} (pid {}), which may run on {nr_allowed} CPU",
                noted.at.comm(),
                noted.at.pid
            ),
        )?;
        if !pids.contains(&noted.at.pid) {
            pids.push(noted.at.pid, GFP_KERNEL)?;
        }
    }
    evidence.check(
        pids.len() == nr_cpus,
        fmt!("{nr_cpus} CPUs, {} threads", pids.len()),
    )?;
    evidence.holds()
}
