// SPDX-License-Identifier: GPL-2.0

//! A line's interrupts are distributed dynamically: each goes to the CPU that does the least important
//! work.
//!
//! They are distributed statically: of the CPUs that the line may go to, the controller chooses one, which
//! gets all of its interrupts. That CPU is given the highest task priority, by TPR, and all others
//! have a lower one. Dynamically, an interrupt would go to one of those; it waits.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    counter::Counter,
    waiting, //
};
use irqlab::{
    clock,
    cpu::{
        self,
        CpuId, //
    },
    irq::{
        Affinity,
        Line, //
    },
    lapic,
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

claim! {
    quote: "External interrupts can be distributed in two ways: Static Distribution […], Dynamic Distribution. […] The IRQ signal is delivered to the LAPIC of the processor that is executing the process with lowest priority.",
    section: "Multicore processors",
    today: "only statically: of the CPUs that a line may go to, one gets all of its interrupts. Linux stopped using delivery to the lowest priority in 4.15",
    functions: "irq_set_affinity(), assign_irq_vector_any_locked(), apic_update_irq_cfg()",
    control: "the line is moved from CPU to CPU meanwhile",
    next: "cat /proc/irq/11/smp_affinity_list /proc/irq/11/effective_affinity_list; echo 1 > lines/edu0/affinity; echo 5 > lines/edu0/trigger; grep edu /proc/interrupts; echo all > lines/edu0/affinity",
}

/// Interrupts for each set of CPUs.
const COUNT: usize = 12;
/// In the control, after how many the line is moved on to the next CPU.
const MOVES: usize = 5;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [_, _] = trial.cpus()?;
    let Ok(line) = trial.line("edu0") else {
        skip!("no PCI device (QEMU: -device edu); the controller of a simulated line is the lab's own");
    };
    if waiting::vector_of(&line)?.is_none() {
        let chip = line.source.line().info()?.chip;
        skip!("edu0 comes from {chip}, which interrupts always the same CPU");
    }
    let group = trial.group("edu0")?;
    let _reserved = group.reserve()?;
    let registration = Counter::on(&line)?;
    let counter = registration.handler();
    let irq_line = line.source.line();
    let affinity = Affinity::new(irq_line)?;

    // Of a line that was given CPUs while nobody had requested it, the kernel does not tell which one
    // was chosen until it has moved it.
    for cpu in [cpu::online().last(), cpu::online().next()]
        .into_iter()
        .flatten()
    {
        counter.move_to(trial, &affinity, core::iter::once(cpu))?;
    }
    // All CPUs; all but the chosen one; only the last.
    for step in 0..3 {
        let chosen = affinity.effective()?;
        let is_asked = |cpu: &CpuId| match step {
            0 => true,
            1 => !chosen.test(*cpu),
            _ => cpu::online().last() == Some(*cpu),
        };
        counter.move_to(trial, &affinity, cpu::online().filter(is_asked))?;
        spread(trial, counter, irq_line, &affinity, evidence)?;
    }

    counter.move_to(trial, &affinity, cpu::online())?;
    let effective = affinity.effective()?;
    let Some(busy) = cpu::online().find(|cpu| effective.test(*cpu)) else {
        skip!("no CPU was chosen beforehand");
    };
    let vector = waiting::visible_vector_of(&line)?;
    let (runs, runs_there) = (counter.runs(), counter.runs_on(busy));
    let (waits, meanwhile) = (Atomic::new(false), Atomic::new(0));
    let workers = &trial.lab.workers;
    cpu::run_on(workers, core::iter::once(busy), trial.task, |here| {
        lapic::at_highest_priority(here.task, |_unsleeping| {
            let _ = counter.trigger();
            waits.store(waiting::arrives(vector), Relaxed);
            clock::spin_ns(20_000);
            meanwhile.store(counter.runs() - runs, Relaxed);
        });
    })?;
    trial.come("an interrupt of edu0", || counter.runs() > runs)?;
    let came_there = counter.runs_on(busy) > runs_there;
    let (busy, meanwhile) = (busy.as_u32(), meanwhile.load(Relaxed));
    evidence.note(fmt!(
        "dynamic: with CPU {busy} at the highest priority, an interrupt {}, was served {meanwhile} times \
         meanwhile, and afterwards by CPU {busy}: {came_there}",
        if waits.load(Relaxed) {
            "waited for it"
        } else {
            "did not wait for it"
        }
    ))?;
    if meanwhile > 0 && !came_there {
        return evidence.holds();
    }
    evidence.check(
        waits.load(Relaxed) && meanwhile == 0 && came_there,
        fmt!("so CPU {busy} had been chosen before"),
    )?;
    evidence.outdated()
}

/// Raises interrupts from each CPU in turn and sees, by the kernel's count,
/// where they went.
fn spread(
    trial: &Trial<'_>,
    counter: &Counter,
    line: &Line,
    affinity: &Affinity,
    evidence: &mut Evidence,
) -> Answer {
    let (asked, chosen) = (affinity.asked()?, affinity.effective()?);
    let mut came = KVec::new();
    for cpu in cpu::online() {
        came.push((cpu, 0usize), GFP_KERNEL)?;
    }
    let workers = &trial.lab.workers;
    for number in 0..COUNT {
        let (from, _) = came[number % came.len()];
        if trial.is_control() && number % MOVES == 0 {
            // What was asked and chosen above does not know.
            let (to, _) = came[number / MOVES % came.len()];
            counter.move_to(trial, affinity, core::iter::once(to))?;
        }
        // Around each: moving a line raises interrupts, too.
        for (cpu, count) in &mut came {
            *count = count.wrapping_sub(line.nr_interrupts_on(*cpu)?);
        }
        let runs = counter.runs();
        cpu::run_on(workers, core::iter::once(from), trial.task, |_here| {
            let _ = counter.trigger();
        })?;
        trial.come("an interrupt of edu0", || counter.runs() > runs)?;
        for (cpu, count) in &mut came {
            *count = count.wrapping_add(line.nr_interrupts_on(*cpu)?);
        }
    }
    let (mut nr_cpus, mut as_chosen, mut is_among) = (0, 0, true);
    for (cpu, count) in came {
        nr_cpus += usize::from(count > 0);
        if chosen.test(cpu) {
            as_chosen += count;
            is_among &= asked.test(cpu);
        }
    }
    evidence.check(
        chosen.weight() == 1 && is_among && nr_cpus == 1 && as_chosen == COUNT,
        fmt!(
            "static: may go to {} CPUs, of which {} was chosen beforehand: {as_chosen} of {COUNT} interrupts came \
             there, {nr_cpus} CPUs were interrupted",
            asked.weight(),
            chosen.weight()
        ),
    )?;
    Ok(())
}
