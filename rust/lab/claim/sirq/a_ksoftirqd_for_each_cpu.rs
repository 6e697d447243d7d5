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
    record::SnapshotCell,
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
    Acquire,
    Atomic,
    Relaxed,
    Release, //
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

/// Notes where each run was, and how many CPUs its task may use.
struct Affinity {
    places: [SnapshotCell; TRIES],
    nr_allowed: [Atomic<u32>; TRIES],
    runs: Atomic<usize>,
    is_used: Atomic<bool>,
}

impl Affinity {
    fn new() -> Self {
        Self {
            places: core::array::from_fn(|_| SnapshotCell::new()),
            nr_allowed: [const { Atomic::new(0) }; TRIES],
            runs: Atomic::new(0),
            is_used: Atomic::new(false),
        }
    }

    /// The first run in a ksoftirqd: where, and how many CPUs that may use.
    fn in_ksoftirqd(&self) -> Option<(Snapshot, u32)> {
        for (place, nr_allowed) in self.places.iter().zip(&self.nr_allowed) {
            let at = place.load()?;
            if at.comm().starts_with("ksoftirqd/") {
                return Some((at, nr_allowed.load(Relaxed)));
            }
        }
        None
    }
}

impl Handler<Kind> for Affinity {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        let run = this.runs.load(Relaxed);
        if let Some((place, nr_allowed)) = this.places.get(run).zip(this.nr_allowed.get(run)) {
            nr_allowed.store(task::nr_cpus_allowed(), Relaxed);
            place.store(&Snapshot::take());
        }
        this.runs.store(run + 1, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let is_control = trial.is_control();
    let tasklets =
        PerCpu::new(|| KBox::pin_init(Tasklet::new(Ok::<_, Error>(Affinity::new())), GFP_KERNEL))?;
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
                if tasklet.runs.load(Acquire) > run {
                    break;
                }
                here.task.sleep_ms(1);
            }
        }
    })?;
    let events = witness.events()?;
    let mut pids = KVec::new();
    let used = tasklets
        .with_cpus()
        .filter(|(_, tasklet)| tasklet.is_used.load(Relaxed));
    for (cpu, tasklet) in used {
        let number = cpu.as_u32();
        let Some((at, nr_allowed)) = tasklet.in_ksoftirqd() else {
            if !is_control {
                skip!(Busy: "others came before ksoftirqd on CPU {number}");
            }
            evidence.check(false, fmt!("CPU {number}: ksoftirqd served none"))?;
            continue;
        };
        let mut name = Text::new();
        emit!(&mut name, "ksoftirqd/{}", number)?;
        evidence.check(
            at.comm() == name.as_str() && at.cpu == number && nr_allowed == 1,
            fmt!(
                "CPU {number}: {} (pid {}), which may run on {nr_allowed} CPU",
                at.comm(),
                at.pid
            ),
        )?;
        let is_told = events
            .services(cpu, 0, VECTOR)
            .any(|(noted, executor)| executor == Executor::Ksoftirqd && noted.at.pid == at.pid);
        evidence.check(
            is_told,
            fmt!(
                "the kernel {} that it served there",
                if is_told { "tells" } else { "does not tell" }
            ),
        )?;
        if !pids.contains(&at.pid) {
            pids.push(at.pid, GFP_KERNEL)?;
        }
    }
    evidence.check(
        pids.len() == nr_cpus,
        fmt!("{nr_cpus} CPUs, {} threads", pids.len()),
    )?;
    evidence.holds()
}
