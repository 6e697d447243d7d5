// SPDX-License-Identifier: GPL-2.0

//! There are at most 32 soft IRQs, and a module cannot add one.
//!
//! How many there are the kernel says itself, and so does the width of the mask of those that are
//! pending. That none can be added is a matter of what the kernel exports.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    raiser::{
        self,
        Raiser, //
    },
    refusal::refuse,
    watch::Event,
    witness::Witness, //
};
use irqlab::{
    context::BottomHalvesDisabled,
    cpu, proc,
    softirq::{
        self,
        Function, //
    },
    symbol,
};

claim! {
    quote: "The number of soft irqs is limited to 32, soft irqs are used within the kernel for example to update kernel timers and handle network traffic.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "ten, in a list that is fixed as the kernel is built; x86 keeps the pending ones in 16 bits since 6.2 (2023)",
    functions: "open_softirq(), softirq_vec, local_softirq_pending()",
    control: "looks for __tasklet_schedule(), which modules call, instead of open_softirq()",
    next: "cat /proc/softirqs # a row for each",
}

const LIMIT: usize = 32;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let function = trial.pick(Function::Open, Function::TaskletSchedule);
    if !symbol::exists(function.name(), trial.task) {
        skip!("whether {}() is there cannot be told", function.name());
    }
    let Ok(table) = proc::read(c"/proc/softirqs", trial.task) else {
        skip!("/proc/softirqs cannot be read");
    };
    // The first line names the CPUs.
    let names = || {
        let rows = table.as_str().lines().skip(1);
        rows.filter_map(|row| row.split_once(':').map(|(name, _)| name.trim()))
    };
    let nr_rows = names().count();
    let nr_bits = softirq::nr_pending_bits();
    evidence.check(
        (1..=LIMIT).contains(&nr_rows),
        fmt!(
            "/proc/softirqs has {nr_rows} rows, {} to {}",
            names().next().unwrap_or("none"),
            names().last().unwrap_or("none")
        ),
    )?;
    evidence.check(
        (nr_rows..=LIMIT).contains(&(nr_bits as usize)),
        fmt!("the mask of pending ones has {nr_bits} bits"),
    )?;
    let is_exported = function.is_exported();
    evidence.check(
        !is_exported,
        fmt!(
            "modules {} call {}()",
            if is_exported { "can" } else { "cannot" },
            function.name()
        ),
    )?;
    raise(trial, evidence)?;
    evidence.holds()
}

/// What a module can raise by a tasklet is one of those that the kernel counts: the row of its name
/// has to grow with each time that the kernel's tracepoint tells that it was entered.
fn raise(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer {
    let raiser = Raiser::new()?;
    let name = raiser::VECTOR.name();
    let before = counted(name, trial)?;
    let witness = Witness::of(|event| matches!(event, Event::Entered(raiser::VECTOR, _)))?;
    {
        let _guard = BottomHalvesDisabled::new(trial.task);
        raiser.raise();
    }
    trial.come("a tasklet", || raiser.runs() == 1)?;
    let events = witness.events()?;
    let counted = counted(name, trial)?.saturating_sub(before);
    let entered: usize = cpu::online().map(|cpu| events.on(cpu, 0).count()).sum();
    evidence.check(
        entered > 0 && counted >= entered as u64,
        fmt!("a tasklet had {name} entered {entered} times, and its row grew by {counted}"),
    )?;
    Ok(())
}

/// What the row of a soft IRQ adds up to.
fn counted(name: &str, trial: &Trial<'_>) -> Answer<u64> {
    let table = proc::read(c"/proc/softirqs", trial.task)?;
    let mut rows = table.as_str().lines().filter_map(|row| row.split_once(':'));
    let Some((_, counts)) = rows.find(|(other, _)| other.trim() == name) else {
        refuse!(EIO, "/proc/softirqs has no row {name}");
    };
    let mut sum = 0;
    for count in counts.split_ascii_whitespace() {
        sum += count.parse::<u64>().map_err(|_| EIO)?;
    }
    Ok(sum)
}
