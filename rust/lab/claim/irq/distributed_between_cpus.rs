// SPDX-License-Identifier: GPL-2.0

//! A line's interrupts are distributed between the CPUs statically, or
//! to the CPU that does the least important work.
//!
//! Only statically: of the CPUs that a line may go to, one gets all of its
//! interrupts. Delivery by the lowest priority is gone from Linux on x86.

use crate::claim::{
    claim,
    found,
    skip,
    Finding,
    Trial,
    Verdict, //
};
use crate::{
    counter::Counter,
    refusal::{
        refuse,
        Answer, //
    },
    waiting, //
};
use irqlab::{
    cpu::{
        self,
        CpuId, //
    },
    emit,
    irq::{
        Affinity,
        Line, //
    },
    text::Text, //
};
use kernel::prelude::*;

claim! {
    quote: "External interrupts can be distributed in two ways: Static Distribution, Dynamic Distribution. The IRQ signal is delivered to the LAPIC of the processor that is executing the process with lowest priority.",
    section: "Multicore processors",
    today: "only statically: of the CPUs that a line may go to, one gets all of its interrupts. Linux stopped using delivery to the lowest priority in 4.15",
    functions: "irq_set_affinity(), assign_irq_vector_any_locked(), apic_update_irq_cfg()",
    control: "the line is moved from CPU to CPU meanwhile",
    next: "cat /proc/irq/11/smp_affinity_list /proc/irq/11/effective_affinity_list; echo 1 > lines/edu0/affinity; echo 5 > lines/edu0/trigger; grep edu /proc/interrupts; echo all > lines/edu0/affinity",
}

/// Interrupts for each set of CPUs.
const COUNT: usize = 30;
/// In the control, after how many the line is moved. No multiple of a number of
/// CPUs, or it would always be the same one's turn.
const MOVES: usize = 7;

/// What became of the interrupts for one set of CPUs.
struct Spread {
    nr_asked: u32,
    /// How many CPUs the controller chose.
    nr_effective: u32,
    /// Whether they are among those that were asked for.
    is_among: bool,
    /// How many CPUs got interrupts, and how many those got that were chosen.
    nr_cpus: usize,
    as_chosen: usize,
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let nr_cpus = cpu::online().count();
    if nr_cpus < 2 {
        skip!("one CPU");
    }
    let Ok(line) = trial.line("edu0") else {
        skip!("no PCI device (QEMU: -device edu); the controller of a simulated line is the lab's own");
    };
    if waiting::vector_of(&line)?.is_none() {
        let chip = line.source.line().info()?.chip;
        skip!("edu0 comes from {chip}, which interrupts always the same CPU");
    }
    let group = trial.group("edu0")?;
    let _lent = group.lend()?;
    let registration = Counter::on(&line)?;
    let counter = registration.handler();
    let irq_line = line.source.line();
    let affinity = Affinity::new(irq_line)?;

    // All CPUs; all but the chosen one; only the last.
    let mut evidence = Text::new();
    let mut sets = 0;
    let mut is_static = true;
    let mut is_dynamic = true;
    for step in 0..3 {
        let chosen = affinity.effective()?;
        let is_asked = |cpu: &CpuId| match step {
            0 => true,
            1 => !chosen.test(*cpu),
            _ => cpu::online().last() == Some(*cpu),
        };
        counter.move_to(trial, &affinity, cpu::online().filter(is_asked))?;
        let spread = spread(trial, counter, irq_line, &affinity)?;
        let separator = if evidence.is_empty() { "edu0: " } else { "; " };
        emit!(
            &mut evidence,
            "{}CPUs asked for: {}, effective: {}, interrupted: {}, {} of {} times as effective",
            separator,
            spread.nr_asked,
            spread.nr_effective,
            spread.nr_cpus,
            spread.as_chosen,
            COUNT
        )?;
        sets += 1;
        let is_told = spread.is_among && spread.as_chosen == COUNT;
        is_static &= is_told && spread.nr_effective == 1 && spread.nr_cpus == 1;
        is_dynamic &= is_told && (spread.nr_asked == 1 || spread.nr_cpus > 1);
    }
    let verdict = if sets == 3 && is_static {
        Verdict::Outdated
    } else if is_dynamic {
        Verdict::Holds
    } else {
        Verdict::Fails
    };
    found(verdict, fmt!("{}", evidence))
}

/// Raises interrupts from each CPU in turn and sees, by the kernel's count,
/// where they went.
fn spread(
    trial: &Trial<'_>,
    counter: &Counter,
    line: &Line,
    affinity: &Affinity,
) -> Answer<Spread> {
    let (asked, chosen) = (affinity.asked()?, affinity.effective()?);
    let mut before = KVec::new();
    for cpu in cpu::online() {
        before.push((cpu, line.nr_interrupts_on(cpu)?), GFP_KERNEL)?;
    }
    let workers = &trial.lab.workers;
    for number in 0..COUNT {
        let (from, _) = before[number % before.len()];
        if trial.is_control() && number % MOVES == 0 {
            // What was asked and chosen above does not know.
            counter.move_to(trial, affinity, core::iter::once(from))?;
        }
        let runs = counter.runs();
        cpu::run_on(workers, core::iter::once(from), trial.task, |_here| {
            let _ = counter.trigger();
        })?;
        if !trial.eventually(2000, || counter.runs() > runs) {
            refuse!(EIO, "edu0: an interrupt was lost");
        }
    }
    let mut spread = Spread {
        nr_asked: asked.weight(),
        nr_effective: chosen.weight(),
        is_among: true,
        nr_cpus: 0,
        as_chosen: 0,
    };
    for (cpu, before) in before {
        let count = line.nr_interrupts_on(cpu)? - before;
        spread.nr_cpus += usize::from(count > 0);
        if chosen.test(cpu) {
            spread.as_chosen += count;
            spread.is_among &= asked.test(cpu);
        }
    }
    Ok(spread)
}
