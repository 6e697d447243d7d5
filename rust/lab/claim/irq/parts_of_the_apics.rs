// SPDX-License-Identifier: GPL-2.0

//! Each CPU has a local APIC with LINT0, LINT1, a timer, ICR and TPR; the
//! I/O APIC has a redirection table.
//!
//! Each part is seen at work. The id is the one in the kernel's books. The timer
//! interrupts by the vector of its entry. What the CPU sends is what ICR says, and the
//! CPU that it goes to counts it. What TPR holds back waits, although interrupts are on.
//! And the local APIC has a line in service by the vector of its entry in the redirection table.

use super::routed::Routed;
use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    runs::Runs,
};
use irqlab::{
    clock,
    context::Unsleeping,
    cpu::{
        self,
        CpuId,
        PerCpu, //
    },
    irq_work::IrqWork,
    lapic::{
        self,
        Delivery,
        Mode,
        Source,
        State, //
    },
    smp::{
        self,
        Counter, //
    },
    tracepoint::{
        Attached,
        LocalTimerEntry,
        Observer, //
    },
};
use kernel::{
    interrupt::local_interrupt_disable,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
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

/// Of how many CPUs the local APIC is as claimed.
struct Local {
    own_ids: usize,
    tables: usize,
    /// Those whose timer came by the vector of its entry, and by another one. The others have no tick:
    /// CPUs may be isolated from it, and their timers be served elsewhere.
    timers: usize,
    strange_timers: usize,
}

/// The vector by which the timer of each CPU came last, plus 1.
struct Timers(PerCpu<Atomic<u32>>);

impl Observer<LocalTimerEntry> for Timers {
    fn observe(&self, event: &LocalTimerEntry, _context: &Unsleeping) {
        self.0.local().store(u32::from(event.vector) + 1, Relaxed);
    }
}

impl Local {
    fn of(trial: &Trial<'_>, states: &[(CpuId, State)]) -> Answer<Self> {
        let timers = Timers(PerCpu::new(|| Ok(Atomic::new(0)))?);
        let mut attached = Attached::new(Arc::new(timers, GFP_KERNEL)?);
        attached.to::<LocalTimerEntry>()?;
        let seen = |cpu: CpuId| attached.observer().0.of(cpu).load(Relaxed);
        // Who sleeps is woken by the timer of the CPU.
        cpu::run_on(&trial.lab.workers, cpu::online(), trial.task, |here| {
            here.task.sleep_ms(1);
        })?;
        trial.eventually(200, || states.iter().all(|(cpu, _)| seen(*cpu) > 0));

        let own_id = |(cpu, state): &&(CpuId, State)| state.id == lapic::id_of(*cpu);
        let has_table = |(_, state): &&(CpuId, State)| {
            // LINT0 is for an 8259 and LINT1 for NMI, masked or not.
            state.is_enabled()
                && state.entry(Source::Lint0).map(|entry| entry.delivery())
                    == Some(Delivery::ExtInt)
                && state.entry(Source::Lint1).map(|entry| entry.delivery()) == Some(Delivery::Nmi)
        };
        let came = |(cpu, _): &&(CpuId, State)| seen(*cpu) > 0;
        let came_by_entry = |(cpu, state): &&(CpuId, State)| {
            let entry = state.entry(Source::Timer);
            entry.map(|entry| u32::from(entry.vector()) + 1) == Some(seen(*cpu))
        };
        let timers = states.iter().filter(came_by_entry).count();
        Ok(Self {
            own_ids: states.iter().filter(own_id).count(),
            tables: states.iter().filter(has_table).count(),
            timers,
            strange_timers: states.iter().filter(came).count() - timers,
        })
    }
}

/// An interrupt that was sent to another CPU, or to the only one.
struct Sent {
    from: CpuId,
    to: CpuId,
    is_in_icr: bool,
    /// How many of its kind the other CPU has counted meanwhile.
    counted: u32,
}

impl Sent {
    fn to_another(trial: &Trial<'_>) -> Answer<Self> {
        let from = CpuId::current();
        let to = cpu::online().find(|cpu| *cpu != from).unwrap_or(from);
        let before = Counter::Reschedule.on(to);
        let is_in_icr = Atomic::new(false);
        let cpus = core::iter::once(from);
        cpu::run_on(&trial.lab.workers, cpus, trial.task, |_here| {
            let off = local_interrupt_disable();
            if smp::reschedule(to).is_ok() {
                let command = State::read(&off).command;
                let is_it = command.vector() == lapic::RESCHEDULE_VECTOR
                    && command.delivery() == Delivery::Fixed;
                is_in_icr.store(is_it, Relaxed);
            }
        })?;
        let counted = || Counter::Reschedule.on(to).wrapping_sub(before);
        trial.eventually(2000, || counted() > 0);
        Ok(Self {
            from,
            to,
            is_in_icr: is_in_icr.load(Relaxed),
            counted: counted(),
        })
    }
}

/// An interrupt to the CPU itself, under a raised task priority.
struct Held {
    waited: bool,
    meanwhile: u64,
    after: u64,
}

impl Held {
    fn by_priority(trial: &Trial<'_>) -> Answer<Self> {
        const HELD_NS: u64 = 20_000;

        let work = KBox::pin_init(IrqWork::new(Ok(Runs::new())), GFP_KERNEL)?;
        let send = || {
            work.queue();
            clock::spin_ns(HELD_NS);
            (lapic::is_requested(lapic::IRQ_WORK_VECTOR), work.count())
        };
        let (waited, meanwhile) = if trial.is_control() {
            send()
        } else {
            lapic::at_highest_priority(trial.task, |_unsleeping| send())
        };
        trial.eventually(trial.patience_ms(), || work.count() > meanwhile);
        Ok(Self {
            waited,
            meanwhile,
            after: work.count() - meanwhile,
        })
    }
}
