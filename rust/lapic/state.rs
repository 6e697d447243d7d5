// SPDX-License-Identifier: GPL-2.0

//! The registers of a local APIC at one moment.

use super::{
    lvt::{
        Delivery,
        Entry, //
    },
    read,
    vectors::Vectors, //
};
use crate::{
    bindings,
    context::Task,
    cpu::{
        self,
        CpuId, //
    },
    interrupt::{
        local_interrupt_disable,
        LocalInterruptDisabled, //
    },
    kprobe::{
        Call,
        ProbePoint, //
    },
    workqueue::Queue, //
};
use kernel::{
    new_mutex,
    prelude::*, //
};

/// How the registers are accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// There is none, or the kernel does not use it, or it is switched off.
    None,
    /// In memory, at the same address on every CPU; ids have 8 bits.
    XApic,
    /// As model-specific registers; ids have 32 bits.
    X2Apic,
}

impl Mode {
    const XAPIC_ENABLE: u64 = 1 << 11;
    const X2APIC_ENABLE: u64 = 1 << 10;

    const fn of(base: u64) -> Self {
        match (
            base & Self::XAPIC_ENABLE != 0,
            base & Self::X2APIC_ENABLE != 0,
        ) {
            (false, _) => Mode::None,
            (true, false) => Mode::XApic,
            (true, true) => Mode::X2Apic,
        }
    }

    /// As bits 11 and 10 of the APIC base register: 0, 2 or 3.
    pub const fn bits(self) -> u64 {
        match self {
            Mode::None => 0,
            Mode::XApic => 2,
            Mode::X2Apic => 3,
        }
    }

    /// The name that the manuals use.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::None => "none",
            Mode::XApic => "xAPIC",
            Mode::X2Apic => "x2APIC",
        }
    }
}

/// What has an entry in the local vector table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The local APIC's timer.
    Timer,
    /// An error of the local APIC.
    Error,
    /// Local interrupt pin 0: an 8259, where there is one.
    Lint0,
    /// Local interrupt pin 1: NMI.
    Lint1,
    /// A performance counter has overflowed.
    PerformanceCounter,
    /// The thermal sensor.
    Thermal,
    /// Machine-check errors that were corrected.
    Cmci,
}

impl Source {
    /// All of them. A local APIC has the first few: it says how many.
    pub const ALL: [Source; 7] = [
        Source::Timer,
        Source::Error,
        Source::Lint0,
        Source::Lint1,
        Source::PerformanceCounter,
        Source::Thermal,
        Source::Cmci,
    ];

    const fn register(self) -> u32 {
        match self {
            Source::Timer => bindings::APIC_LVTT,
            Source::Error => bindings::APIC_LVTERR,
            Source::Lint0 => bindings::APIC_LVT0,
            Source::Lint1 => bindings::APIC_LVT1,
            Source::PerformanceCounter => bindings::APIC_LVTPC,
            Source::Thermal => bindings::APIC_LVTTHMR,
            Source::Cmci => bindings::APIC_LVTCMCI,
        }
    }

    /// A short name.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Timer => "timer",
            Source::Error => "error",
            Source::Lint0 => "lint0",
            Source::Lint1 => "lint1",
            Source::PerformanceCounter => "perf",
            Source::Thermal => "thermal",
            Source::Cmci => "cmci",
        }
    }
}

/// The interrupt command register: the last interrupt that the CPU has sent
/// through it to others.
///
/// An x2APIC sends to the CPU itself by another register, which cannot be read.
///
/// ```
/// # use irqlab::{context::Unsleeping, kprobe::{Call, Observer, Probe}, lapic::{Command, Delivery}};
/// # use kernel::{prelude::*, sync::atomic::{Atomic, Relaxed}};
/// /// To which local APIC a CPU has sent last, and which vector.
/// struct Sent {
///     destination: Atomic<u32>,
///     vector: Atomic<u32>,
/// }
///
/// impl Observer for Sent {
///     fn observe(&self, call: &Call, _context: &Unsleeping) {
///         let command = Command::written(call);
///         if command.shorthand().is_some() || command.is_logical() || command.is_busy() {
///             // Not yet, or to several.
///             return;
///         }
///         self.destination.store(command.destination(), Relaxed);
///         if command.delivery() == Delivery::Fixed {
///             self.vector.store(command.vector().into(), Relaxed);
///         }
///     }
/// }
///
/// # if !irqlab::lapic::is_used() { skip!("no local APIC") }
/// let sent = Sent { destination: Atomic::new(0), vector: Atomic::new(0) };
/// let probe = KBox::pin_init(Probe::new(Command::writer(), sent), GFP_KERNEL);
/// # use irqlab::error::EOPNOTSUPP;
/// # if let Err(EOPNOTSUPP) = probe { skip!("a kernel without probes") }
/// pr_info!("vector {:#x}\n", probe?.observer().vector.load(Relaxed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// As [`State::command`] puts it together from the register, or the two of an xAPIC.
    pub raw: u64,
    mode: Mode,
}

impl Command {
    /// The kernel's function that writes one, for a [probe](crate::kprobe). Calls of functions and
    /// the like do not go through it: they write the register themselves.
    pub fn writer() -> ProbePoint {
        // SAFETY: Reads what was chosen at boot.
        ProbePoint::At(unsafe { bindings::apic_icr_writer() })
    }

    /// What a call of [`Self::writer`] writes.
    pub fn written(call: &Call) -> Self {
        let [low, id] = call.arguments.map(|argument| argument as u32);
        let mode = mode();
        let shift = match mode {
            Mode::X2Apic => 32,
            Mode::XApic | Mode::None => 56,
        };
        Command {
            raw: u64::from(id) << shift | u64::from(low),
            mode,
        }
    }

    /// The vector, where it is delivered by one.
    pub const fn vector(self) -> u8 {
        self.raw as u8
    }

    /// How it is delivered.
    pub const fn delivery(self) -> Delivery {
        Delivery::of(self.raw as u32)
    }

    /// The id of the local APIC that it goes to, or the mask of logical ids.
    pub const fn destination(self) -> u32 {
        match self.mode {
            Mode::X2Apic => (self.raw >> 32) as u32,
            Mode::XApic | Mode::None => (self.raw >> 56) as u32,
        }
    }

    /// Whether the destination is a mask of logical ids.
    pub const fn is_logical(self) -> bool {
        self.raw & bindings::APIC_DEST_LOGICAL as u64 != 0
    }

    /// Whether it has not left yet. Only an xAPIC says so.
    pub const fn is_busy(self) -> bool {
        self.raw & bindings::APIC_ICR_BUSY as u64 != 0
    }

    /// What stands instead of a destination.
    pub const fn shorthand(self) -> Option<&'static str> {
        match self.raw >> 18 & 3 {
            1 => Some("self"),
            2 => Some("all"),
            3 => Some("all-but-self"),
            _ => None,
        }
    }
}

/// The registers of a local APIC, as they were together on its CPU.
///
/// Left out are those whose reading does something or means nothing: EOI, the error
/// status (which is of the last write to it), remote read, and those that an x2APIC has not
/// (arbitration priority, destination format).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// How the others were read.
    pub mode: Mode,
    /// The id by which the others address it.
    pub id: u32,
    /// The raw version register.
    pub version: u32,
    /// The task priority: vectors of its class (the upper four bits) and below wait.
    pub task_priority: u8,
    /// The processor priority: the higher of the task's and that of what is in service.
    pub processor_priority: u8,
    /// The logical id; in 32 bits, of which an xAPIC has the upper 8.
    pub logical_id: u32,
    /// The raw spurious-interrupt vector register.
    pub spurious: u32,
    entries: [Entry; Source::ALL.len()],
    /// Vectors that were accepted and wait for the CPU.
    pub requested: Vectors,
    /// Vectors that the CPU is serving.
    pub in_service: Vectors,
    /// Vectors of which the last interrupt was level-triggered.
    pub level_triggered: Vectors,
    /// What the CPU has sent.
    pub command: Command,
}

impl State {
    /// Reads the local APIC of this CPU, which takes no interrupt meanwhile.
    ///
    /// ```
    /// # use irqlab::lapic::State;
    /// # use irqlab::interrupt::local_interrupt_disable;
    /// fn interrupts_wait() -> bool {
    ///     let state = State::read(&local_interrupt_disable());
    ///     !state.requested.is_empty()
    /// }
    ///
    /// # interrupts_wait();
    /// ```
    pub fn read(_irqs: &LocalInterruptDisabled) -> Self {
        let mode = mode();
        // SAFETY: The kernel's stand-in answers 0 where there is none.
        let id = unsafe { bindings::apic_id() };
        let version = read(bindings::APIC_LVR);
        let has = |index: usize| index < nr_entries(mode, version);
        State {
            mode,
            id,
            version,
            task_priority: read(bindings::APIC_TASKPRI) as u8,
            processor_priority: read(bindings::APIC_PROCPRI) as u8,
            logical_id: read(bindings::APIC_LDR),
            spurious: read(bindings::APIC_SPIV),
            entries: core::array::from_fn(|index| match Source::ALL[index] {
                source if has(index) => Entry(read(source.register())),
                _ => Entry(0),
            }),
            requested: vectors(bindings::APIC_IRR),
            in_service: vectors(bindings::APIC_ISR),
            level_triggered: vectors(bindings::APIC_TMR),
            command: Command {
                // SAFETY: The kernel's function for the mode, for this CPU.
                raw: unsafe { bindings::apic_icr_read() },
                mode,
            },
        }
    }

    /// Reads those of all CPUs that are online, each on its CPU by a thread of
    /// `queue`, which must be per CPU. In the order of their numbers.
    ///
    /// Errors: `ENOMEM`.
    ///
    /// ```
    /// # use irqlab::{context::Task, lapic::{self, State}, workqueue::Queue};
    /// # use kernel::prelude::*;
    /// fn all_have_their_ids(queue: &Queue<Task>, task: &Task) -> Result<bool> {
    ///     let states = State::read_all(queue, task)?;
    ///     Ok(states.iter().all(|(cpu, state)| state.id == lapic::id_of(*cpu)))
    /// }
    ///
    /// # if !lapic::is_used() { skip!("no local APIC") }
    /// assert!(all_have_their_ids(&Queue::per_cpu(c"example")?, task)?);
    /// ```
    pub fn read_all(queue: &Queue<Task>, task: &Task) -> Result<KVVec<(CpuId, Self)>> {
        let places = KVVec::with_capacity(kernel::cpu::nr_cpu_ids() as usize, GFP_KERNEL)?;
        let states = KBox::pin_init(new_mutex!(places, "State::read_all"), GFP_KERNEL)?;
        cpu::run_on(queue, cpu::online(), task, |here| {
            let state = Self::read(&local_interrupt_disable());
            // Does not fail: there is a place for each.
            let _ = states.lock().push((here.cpu, state), GFP_KERNEL);
        })?;
        let mut states = core::mem::take(&mut *states.lock());
        for index in 0..states.len() {
            for index in (1..=index).rev() {
                if states[index - 1].0.as_u32() > states[index].0.as_u32() {
                    states.swap(index - 1, index);
                }
            }
        }
        Ok(states)
    }

    /// How many entries its local vector table has.
    pub const fn nr_entries(&self) -> usize {
        nr_entries(self.mode, self.version)
    }

    /// The entries of the local vector table.
    pub fn entries(&self) -> impl Iterator<Item = (Source, Entry)> + Clone + '_ {
        Source::ALL
            .into_iter()
            .zip(self.entries)
            .take(self.nr_entries())
    }

    /// The entry of `source`, if it has one.
    ///
    /// ```
    /// # use irqlab::lapic::{Source, State};
    /// # use kernel::prelude::*;
    /// fn show(state: &State) {
    ///     let (mode, nr_entries) = (state.mode, state.nr_entries());
    ///     pr_info!("{} ({}), {nr_entries} entries\n", mode.name(), mode.bits());
    ///     for (source, entry) in state.entries() {
    ///         pr_info!("{}: {:#x}\n", source.name(), entry.0);
    ///     }
    ///     let timer = state.entry(Source::Timer);
    ///     if state.is_enabled() && timer.is_some_and(|timer| !timer.is_masked()) {
    ///         pr_info!("the timer may interrupt\n");
    ///     }
    /// }
    ///
    /// # let state = State::read(&irqlab::interrupt::local_interrupt_disable());
    /// show(&state);
    /// assert_eq!(state.entries().count(), state.nr_entries());
    /// ```
    pub fn entry(&self, source: Source) -> Option<Entry> {
        self.entries()
            .find(|(other, _)| *other == source)
            .map(|(_, entry)| entry)
    }

    /// Whether it is on: software can switch it off until it is reset.
    pub const fn is_enabled(&self) -> bool {
        self.spurious & bindings::APIC_SPIV_APIC_ENABLED != 0
    }
}

/// How the registers of this CPU's local APIC are accessed.
pub(super) fn mode() -> Mode {
    // SAFETY: Reads a register of this CPU that all with a local APIC have, and answers 0 where the
    // kernel uses none.
    Mode::of(unsafe { bindings::apic_base() })
}

/// How many entries there are by a version register.
const fn nr_entries(mode: Mode, version: u32) -> usize {
    match mode {
        Mode::None => 0,
        Mode::XApic | Mode::X2Apic => (version >> 16) as usize % 0x100 + 1,
    }
}

/// The set in eight registers, 16 bytes apart.
fn vectors(first: u32) -> Vectors {
    let mut registers = [0; 8];
    let mut register = first;
    for value in &mut registers {
        *value = read(register);
        register += 0x10;
    }
    Vectors::from_raw(registers)
}
