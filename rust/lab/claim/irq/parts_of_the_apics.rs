// SPDX-License-Identifier: GPL-2.0

//! Each CPU has a local APIC with LINT0, LINT1, a timer, ICR and TPR; the
//! I/O APIC has a redirection table.
//!
//! Each part is seen at work. The id is the one in the kernel's books. The timer
//! interrupts by the vector of its entry. What the CPU sends is what ICR says, and the
//! CPU that it goes to counts it. What TPR holds back waits, although interrupts are on.
//! The entry of a line in the redirection table is read by the kernel itself, for who
//! asks whether the line is active: while the handler runs the bit is set that the local
//! APIC's EOI clears, and the local APIC has the line in service under the vector of the
//! entry.

use crate::claim::{
    claim,
    judge,
    skip,
    Finding,
    Trial, //
};
use crate::{
    hold::attempt,
    line::Line,
    refusal::Answer,
    runs::Runs, //
};
use irqlab::{
    context::{
        HardIrq,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId,
        PerCpu, //
    },
    emit,
    irq::{
        Handler,
        IrqReturn, //
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
    text::Text,
    tracepoint::{
        Attached,
        LocalTimerEntry,
        Observer, //
    },
};
use kernel::{
    interrupt::local_interrupt_disable,
    prelude::*,
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
    today: "the same. An x2APIC has its registers in MSRs and ids of 32 bits; TPR is there, but Linux lets all through and never changes it",
    functions: "setup_local_APIC(), sysvec_apic_timer_interrupt(), ioapic_set_affinity(), ioapic_irq_get_chip_state()",
    control: "TPR stays as it is",
    next: "cat lapic",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let states = State::read_all(&trial.lab.workers, trial.task)?;
    if states.iter().any(|(_, state)| state.mode == Mode::None) {
        skip!("a CPU has no local APIC that the kernel uses");
    }
    let local = Local::of(trial, &states)?;
    if local.timers == 0 && local.strange_timers == 0 {
        skip!("the tick comes from elsewhere, and no local APIC's timer interrupts");
    }
    let sent = Sent::to_another(trial)?;
    let held = Held::by_priority(trial)?;
    let nr_cpus = states.len();
    let mut evidence = Text::new();
    emit!(
        &mut evidence,
        "{} local APICs of {} CPUs ({}) with the id in the kernel's books, {} with LINT0 and LINT1, {} \
         whose timer interrupted by the vector of its entry, {:#x}, {} by another, {} without a tick; ICR \
         of CPU {} says what it sent, vector {:#x}: {}, counted {} times on CPU {}; TPR {}: IRQ work {} \
         with interrupts on, ran {} times meanwhile and {} after; ",
        local.own_ids,
        nr_cpus,
        states[0].1.mode.name(),
        local.tables,
        local.timers,
        lapic::LOCAL_TIMER_VECTOR,
        local.strange_timers,
        nr_cpus - local.timers - local.strange_timers,
        sent.from.as_u32(),
        lapic::RESCHEDULE_VECTOR,
        if sent.is_in_icr { "yes" } else { "no" },
        sent.counted,
        sent.to.as_u32(),
        trial.pick("raised", "left"),
        if held.waited {
            "waited in IRR"
        } else {
            "did not wait"
        },
        held.meanwhile,
        held.after,
    )?;
    let is_routed = show_routed(trial, &mut evidence)?;
    judge!(
        local.own_ids == nr_cpus
            && local.tables == nr_cpus
            && local.strange_timers == 0
            && sent.is_in_icr
            && sent.counted > 0
            && held.is_held()
            && is_routed,
        "{}",
        evidence
    )
}

/// Whether the I/O APIC's entry of a line is as claimed, if there is a line that goes through one.
fn show_routed(trial: &Trial<'_>, evidence: &mut Text) -> Answer<bool> {
    let Ok(line) = trial.line("edu0") else {
        emit!(
            evidence,
            "no PCI device (QEMU: -device edu) whose line would show the I/O APIC"
        )?;
        return Ok(true);
    };
    let info = line.source.line().info()?;
    if !info.chip.to_bytes().ends_with(b"IO-APIC") {
        let chip = info.chip;
        emit!(
            evidence,
            "edu0 goes through {chip}, not through an I/O APIC"
        )?;
        return Ok(true);
    }
    let routed = Routed::by_table(trial, &line)?;
    let (name, chip, pin) = (line.name(), info.chip, info.hwirq);
    emit!(evidence, "{name} on {chip} pin {pin}: {routed}")?;
    Ok(routed.is_as_claimed())
}

// ---- The local APICs -----------------------------------------------------------------------------

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

// ---- ICR -----------------------------------------------------------------------------------------

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

// ---- TPR -----------------------------------------------------------------------------------------

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
            irqlab::clock::spin_ns(HELD_NS);
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

    fn is_held(&self) -> bool {
        self.waited && self.meanwhile == 0 && self.after == 1
    }
}

// ---- The redirection table -----------------------------------------------------------------------

/// How interrupts of a line have come.
struct Routed {
    runs: u32,
    /// How many came by the vector of the entry, how many level-triggered, and of how many
    /// the entry said that the I/O APIC waits for their EOI.
    by_vector: u32,
    level: u32,
    active: u32,
    /// Whether it still says so afterwards.
    active_after: bool,
    vector: u8,
}

struct TopHalf {
    line: Arc<Line>,
    /// The one that the kernel has given the line.
    vector: Atomic<u32>,
    runs: Atomic<u32>,
    by_vector: Atomic<u32>,
    level: Atomic<u32>,
    active: Atomic<u32>,
}

impl TopHalf {
    /// Begins anew, for interrupts by this vector.
    fn begin(&self, vector: u8) {
        self.vector.store(vector.into(), Relaxed);
        for count in [&self.runs, &self.by_vector, &self.level, &self.active] {
            count.store(0, Relaxed);
        }
    }
}

impl Handler for TopHalf {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        if !self.line.source.acknowledge(irq) {
            return IrqReturn::None;
        }
        let state = State::read(&local_interrupt_disable());
        let vector = self.vector.load(Relaxed) as u8;
        let is_it = state.in_service.highest() == Some(vector);
        let is_level = state.level_triggered.contains(vector);
        let is_active = self.line.source.line().is_active() == Ok(true);
        self.by_vector.add(u32::from(is_it), Relaxed);
        self.level.add(u32::from(is_level), Relaxed);
        self.active.add(u32::from(is_active), Relaxed);
        self.runs.add(1, Relaxed);
        IrqReturn::Handled
    }
}

impl Routed {
    const COUNT: u32 = 5;

    fn by_table(trial: &Trial<'_>, line: &Arc<Line>) -> Answer<Self> {
        let group = trial.group(line.name())?;
        let _lent = group.lend()?;
        let (source, irq_line) = (&line.source, line.source.line());
        let top_half = TopHalf {
            line: line.clone(),
            vector: Atomic::new(0),
            runs: Atomic::new(0),
            by_vector: Atomic::new(0),
            level: Atomic::new(0),
            active: Atomic::new(0),
        };
        let registration = irq_line.request(source.sharing(), line.name, Ok(top_half))?;
        let top_half = registration.handler();
        // Where it was sent last it goes from its next interrupt on, by a vector that is new.
        let vector = attempt(|| {
            let vector = irq_line.info()?.vector.unwrap_or(0);
            top_half.begin(vector);
            for run in 0..Self::COUNT {
                line.raise()?;
                trial.eventually(2000, || top_half.runs.load(Relaxed) > run);
            }
            irq_line.synchronize(trial.task);
            let has_stayed = irq_line.info()?.vector.unwrap_or(0) == vector;
            Ok(has_stayed.then_some(vector))
        })?;
        Ok(Self {
            runs: top_half.runs.load(Relaxed),
            by_vector: top_half.by_vector.load(Relaxed),
            level: top_half.level.load(Relaxed),
            active: top_half.active.load(Relaxed),
            active_after: irq_line.is_active()?,
            vector,
        })
    }

    fn is_as_claimed(&self) -> bool {
        // How it is triggered is only told: an interrupt that is remapped comes as an edge, and
        // the kernel tells the I/O APIC of its end.
        let counts = [self.runs, self.by_vector, self.active];
        counts == [Self::COUNT; 3] && !self.active_after
    }
}

impl kernel::fmt::Display for Routed {
    fn fmt(&self, f: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        f.write_fmt(fmt!(
            "{} interrupts, {} in service by its vector {:#x}, {} level-triggered, {} with the entry's \
             bit set until their EOI, {} after",
            self.runs,
            self.by_vector,
            self.vector,
            self.level,
            self.active,
            if self.active_after { "set" } else { "clear" }
        ))
    }
}
