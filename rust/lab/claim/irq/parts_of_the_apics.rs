// SPDX-License-Identifier: GPL-2.0

//! Each CPU has a local APIC with LINT0, LINT1, a timer, ICR and TPR; the
//! I/O APIC has a redirection table.
//!
//! Each part is seen at work. The id is the one in the kernel's books. The timer
//! interrupts by the vector of its entry. What the CPU sends is what ICR says, and the
//! CPU that it goes to counts it. What TPR holds back waits, although interrupts are on.
//! And the local APIC has a line in service by the vector of its entry in the redirection table.

use super::{
    held::Held,
    local::Local,
    routed::Routed,
    sent::Sent, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    cpu::CpuId,
    lapic::{
        self,
        Mode,
        State, //
    },
};

claim! {
    quote: "each microprocessor has a Local-APIC with: 32bit registers, internal clock and local timer, two additional lines LINT0 LINT1 reserved for local APIC interrupts. All the LAPICs are connected to an external I/O APIC",
    section: "Multicore processors",
    today: "the same. An x2APIC has its registers in MSRs and ids of 32 bits. Of the entries for local interrupts, the kernel uses the timer, the error and the performance one; it sends IPIs by the ICR, and ends each interrupt by EOI. TPR is there, and is not used: Linux lets all through",
    functions: "setup_local_APIC(), sysvec_apic_timer_interrupt(), ioapic_set_affinity(), ioapic_irq_get_chip_state()",
    control: "TPR stays as it is",
    next: "cat lapic",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let states = State::read_all(&trial.lab.workers, trial.task)?;
    if states.iter().any(|(_, state)| state.mode == Mode::None) {
        skip!("a CPU has no local APIC that the kernel uses");
    }
    show_local(trial, &states, evidence)?;
    show_sent(trial, evidence)?;
    show_held(trial, evidence)?;
    show_routed(trial, evidence)?;
    evidence.holds()
}

fn show_local(trial: &Trial<'_>, states: &[(CpuId, State)], evidence: &mut Evidence) -> Answer {
    let local = Local::of(trial, states)?;
    let nr_cpus = states.len();
    evidence.check(
        local.own_ids == nr_cpus,
        fmt!(
            "{} local APICs of {nr_cpus} CPUs ({}) have the id in the kernel's books",
            local.own_ids,
            states[0].1.mode.name()
        ),
    )?;
    evidence.check(
        local.tables == nr_cpus,
        fmt!("{} have LINT0 and LINT1", local.tables),
    )?;
    evidence.check(
        local.strange_timers == 0,
        fmt!(
            "the timers of {} interrupted by the vector of their entry, {:#x}, those of {} by another one",
            local.timers,
            lapic::LOCAL_TIMER_VECTOR,
            local.strange_timers
        ),
    )?;
    match nr_cpus - local.timers - local.strange_timers {
        0 => Ok(()),
        nr_silent => Ok(evidence.note(fmt!("{nr_silent} had no tick meanwhile"))?),
    }
}

fn show_sent(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer {
    let sent = Sent::to_another(trial)?;
    let (from, to) = (sent.from.as_u32(), sent.to.as_u32());
    evidence.check(
        sent.is_in_icr,
        fmt!(
            "CPU {from} sent vector {:#x}, and its ICR {}",
            lapic::RESCHEDULE_VECTOR,
            if sent.is_in_icr {
                "says so"
            } else {
                "does not say so"
            }
        ),
    )?;
    evidence.check(
        sent.counted > 0,
        fmt!("CPU {to} counted {} of them", sent.counted),
    )?;
    Ok(())
}

fn show_held(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer {
    let held = Held::by_priority(trial)?;
    evidence.check(
        held.waited && held.meanwhile == 0,
        fmt!(
            "TPR {}: IRQ work {} in IRR with interrupts on, and ran {} times",
            trial.pick("raised", "as it was"),
            if held.waited {
                "waited"
            } else {
                "did not wait"
            },
            held.meanwhile
        ),
    )?;
    evidence.check(
        held.meanwhile + held.after == 1,
        fmt!("it ran {} times afterwards", held.after),
    )?;
    Ok(())
}

fn show_routed(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer {
    let Ok(line) = trial.line("edu0") else {
        return Ok(evidence.note(fmt!(
            "no PCI device (QEMU: -device edu) whose line would show the I/O APIC"
        ))?);
    };
    let info = line.source.line().info()?;
    let (name, chip, pin) = (line.name(), info.chip, info.hwirq);
    if !chip.to_bytes().ends_with(b"IO-APIC") {
        return Ok(evidence.note(fmt!("{name} goes through {chip}, not through an I/O APIC"))?);
    }
    const COUNT: u32 = Routed::COUNT;
    let routed = Routed::of(trial, &line)?;
    evidence.check(
        routed.runs == COUNT && routed.by_vector == COUNT,
        fmt!(
            "{name} on {chip} pin {pin}: {} of {COUNT} interrupts came, {} in service by the vector of its entry, {:#x}",
            routed.runs,
            routed.by_vector,
            routed.vector
        ),
    )?;
    // How it is triggered is only told: an interrupt that is remapped comes as an edge, and
    // the kernel tells the I/O APIC of its end.
    evidence.check(
        routed.active == COUNT && !routed.active_after,
        fmt!(
            "{} level-triggered, {} with the entry's bit set until their EOI, {} afterwards",
            routed.level,
            routed.active,
            if routed.active_after { "set" } else { "clear" }
        ),
    )?;
    Ok(())
}
