// SPDX-License-Identifier: GPL-2.0

//! A watchdog notes a single DPC that runs too long, and DPCs that each take little but run one
//! after the other for too long.

use super::probe::{
    system,
    ONLY_INSERTIONS, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    context::SoftIrq,
    cpu::CpuId,
    dpc::{
        Arguments,
        Dpc,
        Handler,
        Ordinary,
        Overrun,
        Parameters,
        Status,
        System, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "The operating system implements a DPC watchdog timer to detect when a single DPC routine runs for too long, or when a series of queued DPC routines runs back-to-back for too long.",
    section: "Windows driver documentation, KeQueryDpcWatchdogInformation",
    today: "rebuilt: noted and counted at the tick; Windows stops with bug check 0x133",
    functions: "dpc::Status::last_overrun, KeQueryDpcWatchdogInformation",
    control: "the DPCs take no time",
    next: "echo dpc_limit=1 tick_ms=1 > dpc/parameters; cat dpc/watchdog; echo default > dpc/parameters",
}

const TICK_MS: u32 = 5;
/// In ticks.
const DPC_LIMIT: u32 = 3;
const SUM_LIMIT: u32 = 6;
/// How long the single one takes at most, if no watchdog barks.
const MAX_NS: u64 = 500_000_000;
/// How long each of the many takes, and how many there are at most.
const PIECE_NS: u64 = 3_000_000;
const MAX_PIECES: usize = 100;

/// Runs until the watchdog has seen it, in one piece or in many.
struct Long {
    cpu: CpuId,
    piece_ns: u64,
    max_pieces: usize,
    /// At which tick it began, and how many came until its end.
    first_tick: Atomic<u64>,
    nr_ticks: Atomic<u64>,
    is_done: Atomic<bool>,
}

impl Long {
    /// Whether each limit that there is has been seen to be passed.
    fn is_seen(&self, system: &System) -> bool {
        let limits = system.parameters();
        let status = system.ordinary(self.cpu);
        let is_seen = |limit, nr| limit == 0 || nr > 0;
        is_seen(limits.dpc_limit, status.nr_dpc_overruns)
            && is_seen(limits.sum_limit, status.nr_sum_overruns)
    }
}

impl Handler for Long {
    type Kind = Ordinary;

    fn run(this: &Dpc<Self>, arguments: Arguments, _softirq: &SoftIrq) {
        let tick = || this.system().ordinary(this.cpu).nr_ticks;
        if arguments.0 == 0 {
            this.first_tick.store(tick(), Relaxed);
        }
        clock::spin_until(this.piece_ns, || this.is_seen(this.system()));
        let nr_pieces = arguments.0 + 1;
        if nr_pieces < this.max_pieces && !this.is_seen(this.system()) {
            this.insert(Arguments(nr_pieces, 0));
        } else {
            this.nr_ticks
                .store(tick() - this.first_tick.load(Relaxed), Relaxed);
            this.is_done.store(true, Release);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let one = try_it(trial, DPC_LIMIT, 0, MAX_NS, 1)?;
    let many = try_it(trial, 0, SUM_LIMIT, PIECE_NS, MAX_PIECES)?;
    let both = try_it(trial, DPC_LIMIT, DPC_LIMIT, MAX_NS, 1)?;

    let name = one
        .last_overrun
        .as_ref()
        .map_or("nothing", |(_, routine)| routine.as_str());
    let is_dpc = matches!(one.last_overrun, Some((Overrun::Dpc, _)));
    let is_named = is_dpc && name.ends_with("watchdog_barks::Long");
    evidence.check(
        one.nr_dpc_overruns == 1 && is_named,
        fmt!(
            "one DPC was allowed {DPC_LIMIT} ticks: noted {} times, in {}",
            one.nr_dpc_overruns,
            name
        ),
    )?;
    evidence.check(
        many.nr_sum_overruns == 1 && many.nr_dpc_overruns == 0,
        fmt!(
            "{} DPCs one after the other were allowed {SUM_LIMIT}: noted {} times",
            many.nr_run,
            many.nr_sum_overruns
        ),
    )?;
    evidence.check(
        one.nr_sum_overruns == 0,
        fmt!("neither passes for the other"),
    )?;
    evidence.check(
        both.nr_dpc_overruns == 1 && both.nr_sum_overruns == 1,
        fmt!(
            "one DPC was allowed {DPC_LIMIT} ticks, and so were all: noted {} times and {} times",
            both.nr_dpc_overruns,
            both.nr_sum_overruns
        ),
    )?;
    evidence.holds()
}

/// Lets DPCs run under a watchdog with limits. Returns what was noted.
fn try_it(
    trial: &Trial<'_>,
    dpc_limit: u32,
    sum_limit: u32,
    piece_ns: u64,
    max_pieces: usize,
) -> Answer<Status> {
    let system: Arc<System> = system(Parameters {
        tick_ms: TICK_MS,
        dpc_limit,
        sum_limit,
        ..ONLY_INSERTIONS
    })?;
    let [cpu] = trial.cpus::<1>()?;
    let long = Long {
        cpu,
        piece_ns: trial.pick(piece_ns, 0),
        max_pieces,
        first_tick: Atomic::new(0),
        nr_ticks: Atomic::new(0),
        is_done: Atomic::new(false),
    };
    let dpc = KBox::pin_init(Dpc::new(&system, Ok(long)), GFP_KERNEL)?;
    dpc.set_target(Some(cpu));
    dpc.insert(Arguments::default());
    // On another CPU a Medium one waits for a tick.
    trial.come("a DPC that runs long", || dpc.is_done.load(Acquire))?;
    let (nr_ticks, limit) = (dpc.nr_ticks.load(Relaxed), dpc_limit.max(sum_limit));
    let status = system.ordinary(cpu);
    if status.nr_dpc_overruns + status.nr_sum_overruns == 0
        && nr_ticks <= limit.into()
        && !trial.is_control()
    {
        skip!(Busy: "{nr_ticks} ticks came while a DPC ran that was allowed {limit}");
    }
    Ok(status)
}
