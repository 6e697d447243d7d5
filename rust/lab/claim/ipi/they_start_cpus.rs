// SPDX-License-Identifier: GPL-2.0

//! IPIs wake up additional cores.
//!
//! A CPU is taken offline, and brought back. Meanwhile a probe on the kernel's function that writes
//! commands into the ICR tells which go to the local APIC of that CPU. Another probe, on the function
//! that this brings it back by, tells whether probes are on at all.

use crate::claim::{
    prelude::*,
    skip,
    skip_dangerous, //
};
use irqlab::{
    context::Unsleeping,
    cpu::{
        self,
        CpuId,
        TakenOffline, //
    },
    error::{
        EALREADY,
        EILSEQ,
        EOPNOTSUPP, //
    },
    kprobe::{
        self,
        Call,
        Probe, //
        ProbePoint,
    },
    lapic::{
        self,
        Command,
        Delivery, //
    },
    smp, //
};
use kernel::{
    page::PAGE_SIZE,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

claim! {
    quote: "waking up additional cores",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "the same: INIT resets the CPU, and start-up says in its vector at which page of memory it begins; it is sent twice, for old CPUs that may miss the first. Some virtual machines and servers have a mailbox in memory instead",
    functions: "native_kick_ap(), wakeup_secondary_cpu_via_init(), send_init_sequence(), apic_icr_write()",
    control: "watches while the CPU goes offline, and not as it comes back",
    next: "# on the host: make shell PARAMS=dangerous=1, and there echo IPI-13 > claims; grep ^IPI-13 claims",
}

/// What was sent to one CPU.
struct Sent {
    /// The id of its local APIC.
    id: u32,
    inits: Atomic<u32>,
    startups: Atomic<u32>,
    /// How many of them came before the first INIT.
    early_startups: Atomic<u32>,
    /// Of the last one.
    vector: Atomic<u32>,
}

/// The same at one moment.
struct Seen {
    inits: u32,
    startups: u32,
    early_startups: u32,
    /// At which address the CPU was told to begin.
    start: u32,
}

impl Seen {
    const NOTHING: Self = Self {
        inits: 0,
        startups: 0,
        early_startups: 0,
        start: 0,
    };
}

impl Sent {
    fn to(cpu: CpuId) -> Self {
        Self {
            id: lapic::id_of(cpu),
            inits: Atomic::new(0),
            startups: Atomic::new(0),
            early_startups: Atomic::new(0),
            vector: Atomic::new(0),
        }
    }

    fn seen(&self) -> Seen {
        Seen {
            inits: self.inits.load(Relaxed),
            startups: self.startups.load(Relaxed),
            early_startups: self.early_startups.load(Relaxed),
            start: self.vector.load(Relaxed) * PAGE_SIZE as u32,
        }
    }
}

impl kprobe::Observer for Sent {
    fn observe(&self, call: &Call, _context: &Unsleeping) {
        let command = Command::written(call);
        if command.destination() != self.id || command.shorthand().is_some() {
            return;
        }
        match command.delivery() {
            Delivery::Init => self.inits.add(1, Relaxed),
            Delivery::StartUp => {
                if self.inits.load(Relaxed) == 0 {
                    self.early_startups.add(1, Relaxed);
                }
                self.vector.store(command.vector().into(), Relaxed);
                self.startups.add(1, Relaxed);
            }
            _ => (),
        }
    }
}

/// How often a function was called.
struct Calls(Atomic<u32>);

impl kprobe::Observer for Calls {
    fn observe(&self, _call: &Call, _context: &Unsleeping) {
        self.0.add(1, Relaxed);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    skip_dangerous!(trial, "IPI-13", "takes a CPU offline for a moment");
    let [first, _] = trial.cpus()?;
    let cpu = cpu::online().last().unwrap_or(first);
    if !lapic::starts_by_init() {
        skip!("this machine starts CPUs by something else than IPIs");
    }
    let calls = probe(ProbePoint::Named(c"add_cpu"), Calls(Atomic::new(0)))?;
    let watch = probe(Command::writer(), Sent::to(cpu))?;

    trial.move_cpus();
    let taken = match TakenOffline::new(cpu, trial.task) {
        Ok(taken) => taken,
        Err(error) => skip!("CPU {} does not go offline: {:?}", cpu.as_u32(), error),
    };
    if cpu::is_online(cpu) {
        skip!("somebody else has brought CPU {} back", cpu.as_u32());
    }
    let going = watch.observer().seen();
    let watch = trial.pick(Some(watch), None);
    match taken.bring_back(trial.task) {
        Err(EALREADY) => skip!("somebody else has brought CPU {} back", cpu.as_u32()),
        result => result?,
    }
    let coming = watch.map_or(Seen::NOTHING, |watch| watch.observer().seen());
    if calls.observer().0.load(Relaxed) == 0 {
        skip!("probes are off, see /sys/kernel/debug/kprobes/enabled");
    }
    let ran_on = match smp::call_on(cpu, trial.task, |_off| CpuId::current()) {
        Err(ENXIO) => skip!("somebody else has taken CPU {} offline", cpu.as_u32()),
        result => result?,
    };

    evidence.note(fmt!(
        "CPU {}, whose local APIC has the id {}, was taken offline",
        cpu.as_u32(),
        lapic::id_of(cpu)
    ))?;
    evidence.note(fmt!(
        "meanwhile it was sent INIT {} times, start-up {} times",
        going.inits,
        going.startups
    ))?;
    evidence.check(
        coming.inits > 0,
        fmt!(
            "{} INIT {} times",
            trial.pick(
                "as it was brought back it was sent",
                "as it was brought back nobody watched:"
            ),
            coming.inits
        ),
    )?;
    evidence.check(
        coming.startups > 0 && coming.early_startups == 0,
        fmt!(
            "start-up {} times, {} of them before INIT",
            coming.startups,
            coming.early_startups
        ),
    )?;
    if coming.startups > 0 {
        evidence.note(fmt!("it had to begin at {:#x}", coming.start))?;
    }
    evidence.check(
        ran_on == cpu,
        fmt!(
            "it is online again, and a call of it ran on CPU {}",
            ran_on.as_u32()
        ),
    )?;
    evidence.holds()
}

/// A probe at `place`.
///
/// Refusals: a skip if there can be none.
fn probe<O: kprobe::Observer>(place: ProbePoint, observer: O) -> Answer<Pin<KBox<Probe<O>>>> {
    match KBox::pin_init(Probe::new(place, observer), GFP_KERNEL) {
        Err(error @ (ENOENT | EINVAL | EILSEQ | EOPNOTSUPP)) => {
            skip!("the kernel's functions cannot be probed here: {:?}", error)
        }
        result => Ok(result?),
    }
}
