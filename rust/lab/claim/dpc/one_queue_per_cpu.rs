// SPDX-License-Identifier: GPL-2.0

//! Each CPU has a queue; a DPC goes into the current CPU's, or into that of the CPU which was
//! set as its target before.

use super::probe::{
    probe,
    system,
    Journal,
    ONLY_INSERTIONS, //
};
use crate::claim::prelude::*;
use irqlab::{
    clock,
    cpu::{
        self,
        CpuId, //
    },
    dpc::{
        Arguments,
        Importance,
        Ordinary, //
    },
};

claim! {
    quote: "By default, when the driver calls KeInsertQueueDpc or IoRequestDpc, the DPC is queued on the currently active processor.",
    section: "Windows driver documentation, Organization of DPC Queues",
    today: "rebuilt as a queue for each CPU, which only that CPU drains while it is online",
    functions: "dpc::Dpc::insert(), dpc::Dpc::set_target(), KeSetTargetProcessorDpc",
    control: "sets no target",
    next: "echo 20 > deferral/dpc/schedule; cat dpc/queues",
}

/// On how many CPUs it is tried: a DPC each, and one for the next CPU.
const MAX_CPUS: usize = 8;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [first, _] = trial.cpus::<2>()?;
    let system = system(ONLY_INSERTIONS)?;
    let journal = Journal::new()?;
    let nr_cpus = cpu::online().take(MAX_CPUS).count();
    let mut dpcs = KVec::new();
    for _ in 0..nr_cpus {
        let own = probe::<Ordinary>(&system, &journal, 'o')?;
        let targeted = probe::<Ordinary>(&system, &journal, 't')?;
        dpcs.push((own, targeted), GFP_KERNEL)?;
    }
    let is_targeted = !trial.is_control();
    // No CPU comes or goes meanwhile.
    cpu::run_on(
        &trial.lab.workers,
        cpu::online().take(nr_cpus),
        trial.task,
        |here| {
            let index = cpu::online().take_while(|cpu| *cpu != here.cpu).count();
            let Some((own, targeted)) = dpcs.get(index) else {
                return;
            };
            own.insert(Arguments(here.cpu.as_u32() as usize, 0));
            let next = next(here.cpu, nr_cpus).unwrap_or(first);
            if is_targeted {
                targeted.set_target(Some(next));
            }
            targeted.set_importance(Importance::High);
            targeted.insert(Arguments(next.as_u32() as usize, 0));
            let start_ns = clock::now_ns();
            while (own.is_queued() || targeted.is_queued())
                && clock::now_ns().saturating_sub(start_ns) < 2_000_000_000
                && !here.is_stopped()
            {
                here.task.sleep_us(100, 100);
            }
        },
    )?;
    trial.come("a DPC", || journal.len() == 2 * nr_cpus)?;

    let on_time = |name| {
        journal
            .iter()
            .filter(move |run| run.name == name && run.at.cpu as usize == run.arguments.0)
    };
    evidence.note(fmt!(
        "{nr_cpus} CPUs each inserted a DPC without a target and one for the next CPU"
    ))?;
    let nr_own = on_time('o').count();
    evidence.check(
        nr_own == nr_cpus,
        fmt!("{nr_own} of those without ran on the CPU that inserted them"),
    )?;
    let nr_targeted = on_time('t').count();
    evidence.check(
        nr_targeted == nr_cpus,
        fmt!("{nr_targeted} of the others on their target"),
    )?;
    let nr_queues = cpu::online()
        .filter(|cpu| system.ordinary(*cpu).nr_run > 0)
        .count();
    evidence.check(nr_queues == nr_cpus, fmt!("{nr_queues} queues were used"))?;
    evidence.holds()
}

/// The next of the first `nr_cpus` CPUs that are online.
fn next(cpu: CpuId, nr_cpus: usize) -> Option<CpuId> {
    let mut cpus = cpu::online().take(nr_cpus);
    let mut later = cpus
        .clone()
        .filter(move |other| other.as_u32() > cpu.as_u32());
    later.next().or_else(|| cpus.next())
}
