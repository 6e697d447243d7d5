// SPDX-License-Identifier: GPL-2.0

//! The timer interrupt of the local APIC notifies the kernel that time has passed.
//!
//! A busy CPU gets one at each tick. An idle CPU stops its tick: time passes on it, without timer interrupts.
//! Which CPU is idle, for how long, and that it stops its tick, say tracepoints of the kernel.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    context::Unsleeping,
    cpu::{
        self,
        CpuId,
        PerCpu, //
    },
    lapic, proc,
    smp::Counter,
    tracepoint::{
        Attached,
        CpuIdle,
        Observer,
        TickStop, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "The LAPIC timer has issued an interrupt, this notifies the kernel that some time has passed",
    section: "Interrupts Handling",
    today: "so on a CPU that has something to do. Since 2.6.21 (x86-64: 2.6.24) an idle CPU stops its tick (NO_HZ); \
            what time it is says the time stamp counter",
    functions: "sysvec_apic_timer_interrupt(), tick_nohz_idle_stop_tick(), ktime_get()",
    control: "no CPU is idle: all have something to do",
    next: "grep LOC /proc/interrupts; sleep 2; grep LOC /proc/interrupts",
}

/// How long the CPUs are left alone.
const WINDOW_MS: u32 = 40;

/// How long each CPU was idle, and how often it stopped its tick.
struct Idle {
    since_ns: PerCpu<Atomic<u64>>,
    total_ns: PerCpu<Atomic<u64>>,
    stops: PerCpu<Atomic<u32>>,
}

impl Observer<TickStop> for Idle {
    fn observe(&self, event: &TickStop, _context: &Unsleeping) {
        self.stops.local().add(u32::from(event.is_stopped), Relaxed);
    }
}

impl Observer<CpuIdle> for Idle {
    fn observe(&self, event: &CpuIdle, _context: &Unsleeping) {
        let now_ns = clock::now_ns();
        let since_ns = self.since_ns.local();
        if event.is_entry {
            since_ns.store(now_ns, Relaxed);
        } else {
            let since_ns = since_ns.xchg(0, Relaxed);
            if since_ns > 0 {
                let total_ns = self.total_ns.local();
                total_ns.add(now_ns.saturating_sub(since_ns), Relaxed);
            }
        }
    }
}

/// What a CPU has counted, at one time or between two.
#[derive(Clone, Copy)]
struct Counts {
    clock_ns: u64,
    idle_ns: u64,
    ticks: usize,
    timer: u32,
    stops: u32,
}

impl Counts {
    fn of(cpu: CpuId, idle: &Idle) -> Self {
        Self {
            clock_ns: clock::now_ns(),
            idle_ns: idle.total_ns.of(cpu).load(Relaxed),
            ticks: clock::ticks(),
            timer: Counter::LocalTimer.on(cpu),
            stops: idle.stops.of(cpu).load(Relaxed),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            clock_ns: self.clock_ns.saturating_sub(before.clock_ns),
            idle_ns: self.idle_ns.saturating_sub(before.idle_ns),
            ticks: self.ticks.wrapping_sub(before.ticks),
            timer: self.timer.wrapping_sub(before.timer),
            stops: self.stops.wrapping_sub(before.stops),
        }
    }

    fn is_idle(&self) -> bool {
        self.idle_ns * 4 >= self.clock_ns * 3
    }

    /// Much longer than asked for: a CPU that is emulated may have stood still, and have lost interrupts.
    fn is_late(&self) -> bool {
        self.clock_ns > u64::from(WINDOW_MS) * 1_500_000
    }

    /// It stopped its tick, and had hardly any timer interrupts.
    fn is_tickless(&self) -> bool {
        self.stops > 0 && self.timer as usize * 2 <= self.ticks
    }

    /// About one for each tick, and few others.
    fn is_ticking(&self) -> bool {
        let timer = self.timer as usize;
        self.stops == 0 && timer * 4 >= self.ticks * 3 && timer * 3 <= self.ticks * 4
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    /// How often an idle CPU is looked for, and in how many windows it has to get each tick for the text to hold.
    const ATTEMPTS: u32 = 20;
    const ENOUGH: u32 = 3;

    if !lapic::is_used() {
        skip!("the kernel uses no local APIC");
    }
    trial.judge_by_clock();
    let idle = Idle {
        since_ns: PerCpu::new(|| Ok(Atomic::new(0)))?,
        total_ns: PerCpu::new(|| Ok(Atomic::new(0)))?,
        stops: PerCpu::new(|| Ok(Atomic::new(0)))?,
    };
    let mut watched = Attached::new(Arc::new(idle, GFP_KERNEL)?);
    watched.to::<CpuIdle>()?;
    watched.to::<TickStop>()?;
    let idle = watched.observer();

    show_busy(trial, idle, evidence)?;
    let mut nr_ticking = 0;
    for _ in 0..ATTEMPTS {
        let Some((cpu, passed)) = quietest(trial, idle)? else {
            if trial.is_control() {
                evidence.check(false, fmt!("no CPU was idle for {WINDOW_MS} ms"))?;
                return evidence.outdated();
            }
            continue;
        };
        nr_ticking += u32::from(passed.is_ticking());
        if !passed.is_tickless() && nr_ticking < ENOUGH {
            continue;
        }
        evidence.note(fmt!(
            "CPU {}, idle for {} of {} ms by its own clock: it stopped its tick {} times, and had {} timer interrupts in \
             {} ticks",
            cpu.as_u32(),
            passed.idle_ns / 1_000_000,
            passed.clock_ns / 1_000_000,
            passed.stops,
            passed.timer,
            passed.ticks
        ))?;
        if passed.is_tickless() {
            return evidence.outdated();
        }
        match may_stop(cpu, trial)? {
            Some(true) => skip!(
                Busy: "CPU {} could stop its tick (nohz of /proc/timer_list), and did not, in {ENOUGH} \
                 times {WINDOW_MS} ms of idleness",
                cpu.as_u32()
            ),
            Some(false) => {
                evidence.note(fmt!("by /proc/timer_list it cannot stop it (nohz: 0)"))?
            }
            None => skip!(
                "whether CPU {} could stop its tick cannot be told",
                cpu.as_u32()
            ),
        }
        return evidence.holds();
    }
    skip!(Busy: "no CPU was idle for {WINDOW_MS} ms without timers of others");
}

/// Whether a CPU may stop its tick when it is idle, by what the kernel tells of it; nothing if it does not tell.
fn may_stop(cpu: CpuId, trial: &Trial<'_>) -> Answer<Option<bool>> {
    let Ok(list) = proc::read(c"/proc/timer_list", trial.task) else {
        return Ok(None);
    };
    let mut is_its = false;
    for line in list.as_str().lines() {
        if let Some(number) = line.strip_prefix("cpu: ") {
            is_its = number.trim().parse() == Ok(cpu.as_u32());
        }
        let mut words = line.split_whitespace();
        if is_its && words.next() == Some(".nohz") {
            return Ok(words.last().map(|value| value != "0"));
        }
    }
    Ok(None)
}

/// A CPU that spins gets a timer interrupt for each tick.
fn show_busy(trial: &Trial<'_>, idle: &Idle, evidence: &mut Evidence) -> Answer {
    const NR_TICKS: u32 = 3;
    const PATIENCE_NS: u64 = 1_000_000_000;

    let [cpu] = trial.cpus()?;
    let before = Counts::of(cpu, idle);
    let workers = &trial.lab.workers;
    cpu::run_on(workers, core::iter::once(cpu), trial.task, |_here| {
        let passed = || Counts::of(cpu, idle).since(before);
        let has_come = || passed().timer >= NR_TICKS || passed().ticks > 100 * NR_TICKS as usize;
        clock::spin_until(PATIENCE_NS, has_come);
    })?;
    let passed = Counts::of(cpu, idle).since(before);
    if passed.timer < NR_TICKS {
        skip!(
            "the tick of CPU {} does not come from its local APIC",
            cpu.as_u32()
        );
    }
    // About one for each; a CPU that is emulated may have stood still, and be told of many at a time.
    evidence.note(fmt!(
        "CPU {}, busy: {} timer interrupts in {} ticks",
        cpu.as_u32(),
        passed.timer,
        passed.ticks
    ))?;
    Ok(())
}

/// Leaves the CPUs alone for a while, and tells of the one with the fewest timer interrupts, of those that
/// were idle all the time.
fn quietest(trial: &Trial<'_>, idle: &Idle) -> Answer<Option<(CpuId, Counts)>> {
    let clocks = PerCpu::new(|| Ok(Atomic::new(0)))?;
    let mut before = KVec::new();
    let workers = &trial.lab.workers;
    let is_busy = trial.is_control();
    // Whoever is idle by now is woken, so that it is seen to become idle again.
    cpu::run_on(workers, cpu::online(), trial.task, |_here| {
        clocks.local().store(clock::now_ns(), Relaxed);
    })?;
    for cpu in cpu::online() {
        before.push((cpu, Counts::of(cpu, idle)), GFP_KERNEL)?;
    }
    if !is_busy {
        trial.task.sleep_ms(WINDOW_MS);
    }
    cpu::run_on(workers, cpu::online(), trial.task, |_here| {
        if is_busy {
            clock::spin_ns(u64::from(WINDOW_MS) * 1_000_000);
        }
        let clock = clocks.local();
        clock.store(clock::now_ns().saturating_sub(clock.load(Relaxed)), Relaxed);
    })?;
    let mut quietest: Option<(CpuId, Counts)> = None;
    for (cpu, before) in before {
        let mut passed = Counts::of(cpu, idle).since(before);
        // By its own clock, rather than by that of this CPU.
        passed.clock_ns = clocks.of(cpu).load(Relaxed);
        if passed.is_idle()
            && !passed.is_late()
            && quietest.is_none_or(|(_, least)| passed.timer < least.timer)
        {
            quietest = Some((cpu, passed));
        }
    }
    Ok(quietest)
}
