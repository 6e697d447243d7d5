// SPDX-License-Identifier: GPL-2.0

//! Victims: who else wants the CPU while a half of an interrupt's handling has it, and how long each waits.
//!
//! ```text
//!     half:     begins to work ──────────── works ────────────── ends
//!                  └─ starts timers       │ due
//!     victims:                            ├───▶ timer ──▶ other line, task of SCHED_FIFO, ordinary task
//!                                         └───▶ timer of the soft IRQ
//! ```
//!
//! All of them are due at one moment while the half works, which is another one for each event, and what
//! counts is the time from then on. So each event shows how long each has to wait, whatever else the
//! machine does. A bottom half that may sleep can be the victim itself, of who holds a lock that it wants. A
//! further CPU, on which the half does not work, has the same victims all the time.

use super::{
    contention::{
        Contention,
        Inheritance, //
    },
    worst::Worst, //
};
use crate::{
    laboratory::Lab,
    line::Reserved,
    record::Distribution,
    refusal::Answer,
    watch::Event,
    work::Which, //
};
use irqlab::{
    clock,
    context::Task,
    cpu::{
        self,
        CpuId,
        PerCpu, //
    },
    interrupt::local_interrupt_disable, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};
use neighbour::Neighbour;
use probe::Probe;

mod neighbour;
mod probe;

pub(super) use neighbour::Beside;

/// Who waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    /// The handler of a high-resolution timer, in hard IRQ context.
    Timer,
    /// The handler of one in soft IRQ context.
    SoftTimer,
    /// The top half of another line.
    Line,
    /// A task of SCHED_FIFO.
    Fifo,
    /// An ordinary task.
    Task,
    /// The bottom half itself, for a lock: see [`contention`](super::contention).
    Lock,
}

impl Victim {
    pub(super) const ALL: [Victim; 6] = [
        Victim::Timer,
        Victim::SoftTimer,
        Victim::Line,
        Victim::Fifo,
        Victim::Task,
        Victim::Lock,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Victim::Timer => "timer",
            Victim::SoftTimer => "soft_timer",
            Victim::Line => "line",
            Victim::Fifo => "fifo",
            Victim::Task => "task",
            Victim::Lock => "lock",
        }
    }
}

/// Which victims there are to be.
pub(crate) struct Wanted {
    /// Of the task of SCHED_FIFO.
    pub(crate) priority: u8,
    /// Whether the bottom half contends for a lock, and with what.
    pub(crate) contend: Option<Inheritance>,
}

/// How long each waited.
pub(super) struct Latencies([Distribution; Victim::ALL.len()]);

impl Latencies {
    fn new() -> Result<Self> {
        let new = Distribution::new;
        Ok(Self([new()?, new()?, new()?, new()?, new()?, new()?]))
    }

    pub(super) fn of(&self, victim: Victim) -> &Distribution {
        &self.0[victim as usize]
    }

    fn nr_bytes(&self) -> usize {
        size_of::<Self>() + self.0.iter().map(Distribution::nr_bytes).sum::<usize>()
    }

    fn clear(&self) {
        for latency in &self.0 {
            latency.clear();
        }
    }
}

/// The victims of a run.
pub(crate) struct Victims {
    /// One for each CPU that a half may work on.
    probes: PerCpu<Option<Probe>>,
    /// The one on a CPU on which the half does not work, and that CPU.
    other: Option<(CpuId, Probe)>,
    neighbour: Arc<Neighbour>,
    pub(super) worst: Pin<KBox<Worst>>,
    /// What the bottom half contends for with the task that raises, if it does.
    contention: Option<Arc<Contention>>,
    /// The number of the mechanism that is measured.
    mechanism: Atomic<u32>,
    nr_aimed: Atomic<u64>,
    here: Arc<Latencies>,
    elsewhere: Arc<Latencies>,
}

impl Victims {
    /// Those of a run on `cpu`.
    pub(super) fn new(cpu: CpuId, wanted: &Wanted) -> Result<Arc<Self>> {
        /// Each takes two threads; a half may work on any CPU, if it is not bound to one.
        const MAX_PROBES: usize = 8;

        let here = Arc::new(Latencies::new()?, GFP_KERNEL)?;
        let elsewhere = Arc::new(Latencies::new()?, GFP_KERNEL)?;
        let neighbour = Arc::pin_init(Neighbour::new(here.clone()), GFP_KERNEL)?;
        let contention = match wanted.contend {
            Some(inheritance) => Some(Contention::new(cpu, inheritance, here.clone())?),
            None => None,
        };
        let priority = wanted.priority;
        let mut nr_others = 0;
        let probes = PerCpu::of_each(|one| {
            let is_other = one != cpu;
            if !cpu::is_online(one) || is_other && nr_others + 1 == MAX_PROBES {
                return Ok(None);
            }
            nr_others += usize::from(is_other);
            let neighbour = Some(neighbour.clone());
            Probe::new(one, priority, here.clone(), neighbour).map(Some)
        })?;
        let other = match cpu::online().find(|one| *one != cpu) {
            Some(one) => Some((one, Probe::new(one, priority, elsewhere.clone(), None)?)),
            None => None,
        };
        let victims = Self {
            probes,
            other,
            neighbour,
            contention,
            worst: KBox::pin_init(Worst::new()?, GFP_KERNEL)?,
            mechanism: Atomic::new(0),
            nr_aimed: Atomic::new(0),
            here,
            elsewhere,
        };
        Ok(Arc::new(victims, GFP_KERNEL)?)
    }

    /// How many bytes they take, without the tape of the worst event.
    pub(super) fn nr_bytes(&self) -> usize {
        let of_probes = self.probes.iter().map(size_of_val).sum::<usize>();
        size_of::<Self>() + of_probes + self.here.nr_bytes() + self.elsewhere.nr_bytes()
    }

    /// A half begins to work. May be called in any context but an NMI.
    pub(crate) fn see(&self, which: Which) {
        let mechanism = self.mechanism.load(Relaxed);
        self.worst.note(match which {
            Which::Top => Event::Top(mechanism),
            Which::Bottom => Event::Bottom(mechanism),
        });
    }

    /// The event that the sender is about to raise.
    pub(super) fn see_raised(&self) {
        self.worst.note(Event::Raise(self.mechanism.load(Relaxed)));
    }

    /// The event is over, which was raised at `since_ns`.
    pub(super) fn see_woken(&self, since_ns: u64) {
        self.worst.note(Event::Woken(self.mechanism.load(Relaxed)));
        // Without memory less is kept of it.
        let _ = self.worst.event(since_ns, clock::now_ns());
    }

    /// Has all of them due while the next `ns` nanoseconds pass on this CPU, unless one of the last time still
    /// waits. May be called in any context but an NMI.
    pub(crate) fn aim(&self, ns: u64) {
        /// At how many moments, one after the other.
        const MOMENTS: u64 = 8;
        /// Has no factor with that in common: neighbours do not follow each other.
        const STEP: u64 = 5;

        // A task stays on the CPU: its timers start there.
        let _off = local_interrupt_disable();
        if let Some(probe) = self.probes.local() {
            let moment = self.nr_aimed.fetch_add(1, Relaxed).wrapping_mul(STEP) % MOMENTS;
            probe.start(ns / (2 * MOMENTS) * (2 * moment + 1));
        }
    }

    /// Begins anew, with the other line as one of them, until the answer is dropped.
    ///
    /// Refusals: `EBUSY` if somebody on the other line's interrupt does not agree.
    pub(super) fn begin<'a>(
        &'a self,
        lab: &Lab,
        beside: &Beside<'_>,
        reserved: &Reserved<'_>,
        mechanism: u32,
        task: &'a Task,
    ) -> Answer<Suffering<'a>> {
        self.mechanism.store(mechanism, Relaxed);
        self.here.clear();
        self.elsewhere.clear();
        self.nr_aimed.store(0, Relaxed);
        self.probes.iter().flatten().for_each(Probe::forget);
        if let Some(probe) = self.other_probe() {
            probe.forget();
        }
        let attached = beside.attach(reserved, &self.neighbour, task)?;
        if let Some((cpu, probe)) = &self.other {
            cpu::run_on(&lab.workers, core::iter::once(*cpu), task, |_here| {
                probe.start_beating();
            })?;
        }
        Ok(Suffering {
            victims: self,
            task,
            _attached: attached,
        })
    }

    pub(crate) fn contention(&self) -> Option<Arc<Contention>> {
        self.contention.clone()
    }

    pub(super) fn here(&self) -> &Latencies {
        &self.here
    }

    /// Those of the other CPU, if there is one.
    pub(super) fn elsewhere(&self) -> Option<(CpuId, &Latencies)> {
        let (cpu, _) = self.other.as_ref()?;
        Some((*cpu, &self.elsewhere))
    }

    fn other_probe(&self) -> Option<&Probe> {
        self.other.as_ref().map(|(_, probe)| probe)
    }

    /// Whether a CPU has gone offline on which there were any.
    pub(super) fn have_left(&self) -> bool {
        let have_left = self.probes.iter().flatten().any(Probe::has_left);
        have_left || self.other_probe().is_some_and(Probe::has_left)
    }

    /// Whether all of them have had their turn.
    fn is_idle(&self) -> bool {
        !self.neighbour.is_raised() && self.probes.iter().flatten().all(Probe::is_idle)
    }
}

/// While it lives there are victims. Made by [`Victims::begin`].
pub(super) struct Suffering<'a> {
    victims: &'a Victims,
    task: &'a Task,
    _attached: neighbour::Attached<'a>,
}

impl Suffering<'_> {
    /// Waits until the last of them have had their turn, but not for long.
    pub(super) fn settle(&self) {
        const PATIENCE_MS: u32 = 500;

        for _ in 0..PATIENCE_MS {
            if self.victims.is_idle() || self.task.is_interrupted() {
                return;
            }
            self.task.sleep_ms(1);
        }
    }
}

impl Drop for Suffering<'_> {
    fn drop(&mut self) {
        if let Some(probe) = self.victims.other_probe() {
            probe.stop(self.task);
        }
    }
}
