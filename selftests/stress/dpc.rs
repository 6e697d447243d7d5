// SPDX-License-Identifier: GPL-2.0

//! Deferred procedure calls: random operations from several CPUs at once, after which each one
//! that was inserted has run or was removed, once; and what waits for all of them.

use super::{
    nr_operations,
    Body,
    Subject, //
};
use core::marker::PhantomData;
use irqlab::{
    clock,
    context::Task,
    cpu::{
        self,
        PerCpu, //
    },
    dpc::{
        Arguments,
        Dpc,
        Handler,
        Importance,
        Kind,
        Ordinary,
        Parameters,
        System,
        Threaded,
        Timer, //
    },
    kthread::{
        self,
        Priority,
        Work,
        Worker, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

// ---- As one of the deferral types ---------------------------------------------------------------

pub(super) struct ForDpc<K> {
    body: Arc<Body>,
    _kind: PhantomData<fn(K)>,
}

impl<K: Kind + 'static> Handler for ForDpc<K> {
    type Kind = K;

    fn run(this: &Dpc<Self>, _arguments: Arguments, _context: &K::Context) {
        this.body.run();
        if this.body.is_endless {
            this.insert(Arguments::default());
        }
    }
}

impl<K: Kind + 'static> Subject for Pin<KBox<Dpc<ForDpc<K>>>> {
    fn new(body: Arc<Body>) -> Result<Self> {
        let handler = ForDpc::<K> {
            body,
            _kind: PhantomData,
        };
        KBox::pin_init(Dpc::new(&System::new()?, Ok(handler)), GFP_KERNEL)
    }

    fn schedule(&self) {
        self.insert(Arguments::default());
    }

    fn cancel(&self, task: &Task) -> bool {
        self.remove();
        // It may run.
        self.system().flush(task).is_ok()
    }
}

// ---- Random operations --------------------------------------------------------------------------

/// How many DPCs there are of each kind, and on how many CPUs operations are carried out.
const NR_DPCS: usize = 16;
const MAX_CPUS: usize = 4;

/// What happened to a DPC.
struct Counted<K> {
    nr_inserted: Atomic<u64>,
    nr_removed: Atomic<u64>,
    nr_run: Atomic<u64>,
    _kind: PhantomData<fn(K)>,
}

impl<K: Kind + 'static> Handler for Counted<K> {
    type Kind = K;

    fn run(this: &Dpc<Self>, arguments: Arguments, _context: &K::Context) {
        // Now and then, once more from here.
        if arguments.0 % 8 == 1 {
            insert(this, 0);
        }
        this.nr_run.fetch_add(1, Full);
    }
}

fn insert<K: Kind + 'static>(dpc: &Dpc<Counted<K>>, argument: usize) {
    if dpc.insert(Arguments(argument, 0)) {
        dpc.nr_inserted.add(1, Relaxed);
    }
}

type Dpcs<K> = KVec<Pin<KBox<Dpc<Counted<K>>>>>;

fn make<K: Kind + 'static>(system: &Arc<System>) -> Result<Dpcs<K>> {
    let mut dpcs = KVec::with_capacity(NR_DPCS, GFP_KERNEL)?;
    for _ in 0..NR_DPCS {
        let counted = Counted::<K> {
            nr_inserted: Atomic::new(0),
            nr_removed: Atomic::new(0),
            nr_run: Atomic::new(0),
            _kind: PhantomData,
        };
        let dpc = KBox::pin_init(Dpc::new(system, Ok(counted)), GFP_KERNEL)?;
        dpcs.push(dpc, GFP_KERNEL)?;
    }
    Ok(dpcs)
}

/// One random operation on one of some DPCs.
fn operate<K: Kind + 'static>(dpcs: &Dpcs<K>, random: &mut impl FnMut(usize) -> usize) {
    let dpc = &dpcs[random(NR_DPCS)];
    match random(16) {
        0..=8 => insert(dpc, random(64)),
        9..=11 => dpc.nr_removed.add(u64::from(dpc.remove()), Relaxed),
        12 | 13 => dpc.set_importance(Importance::ALL[random(Importance::ALL.len())]),
        14 => dpc.set_target(None),
        _ => dpc.set_target(cpu::online().nth(random(MAX_CPUS))),
    }
}

/// How many DPCs are lost, doubled or stuck: inserted, but neither run nor removed once.
fn nr_wrong<K: Kind + 'static>(dpcs: &Dpcs<K>) -> usize {
    let is_wrong = |dpc: &&Pin<KBox<Dpc<Counted<K>>>>| {
        let ended = dpc.nr_run.load(Acquire) + dpc.nr_removed.load(Relaxed);
        dpc.is_queued() || dpc.nr_inserted.load(Relaxed) != ended
    };
    dpcs.iter().filter(is_wrong).count()
}

/// What the CPUs share that carry out operations.
struct Table {
    ordinary: Dpcs<Ordinary>,
    threaded: Dpcs<Threaded>,
    nr_done: Atomic<usize>,
}

/// One CPU's part of the operations.
struct Part {
    table: Arc<Table>,
    seed: u32,
    count: usize,
}

impl kthread::Handler for Part {
    fn run(this: &Work<Self>, task: &Task) {
        let mut state = this.seed;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as usize % below
        };
        for _ in 0..this.count {
            if random(2) == 0 {
                operate(&this.table.ordinary, &mut random);
            } else {
                operate(&this.table.threaded, &mut random);
            }
            task.yield_if_needed();
        }
        this.table.nr_done.fetch_add(1, Full);
    }
}

/// Operations from several CPUs at once, while parameters change, and others wait for all DPCs and
/// have all CPUs wait for each other.
fn operations(system: &Arc<System>, task: &Task) -> Result<bool> {
    let table = Table {
        ordinary: make(system)?,
        threaded: make(system)?,
        nr_done: Atomic::new(0),
    };
    let table = Arc::new(table, GFP_KERNEL)?;
    let nr_cpus = cpu::online().take(MAX_CPUS).count();
    let nr_operations = nr_operations() as usize;
    let mut parts = KVec::new();
    for cpu in cpu::online().take(nr_cpus) {
        let part = Part {
            table: table.clone(),
            seed: cpu.as_u32() + 1,
            count: nr_operations.div_ceil(nr_cpus),
        };
        let worker = Worker::on(cpu, c"irqlab_stress", Priority::Normal)?;
        let work = KBox::pin_init(Work::new(worker, Ok(part)), GFP_KERNEL)?;
        parts.push(work, GFP_KERNEL)?;
    }
    for part in &parts {
        part.queue();
    }
    let mut round = 0u32;
    while table.nr_done.load(Acquire) < nr_cpus {
        system.set_parameters(Parameters {
            maximum_depth: 1 + round % 8,
            minimum_rate: round % 5,
            tick_ms: 1 + round % 3,
            threaded: round % 4 != 0,
            idle_drain: round % 3 != 0,
            ..Parameters::default()
        });
        system.flush(task)?;
        system.call_all(task, |everywhere| {
            everywhere.synchronize();
        })?;
        task.sleep_ms(2);
        round = round.wrapping_add(1);
    }
    system.flush(task)?;
    // One that was inserted from a DPC meanwhile.
    system.flush(task)?;
    let sum = |count: fn(&irqlab::dpc::Status) -> u64| -> u64 {
        cpu::online()
            .map(|cpu| count(&system.ordinary(cpu)) + count(&system.threaded(cpu)))
            .sum()
    };
    let (inserted, run, removed) = (
        sum(|status| status.nr_inserted),
        sum(|status| status.nr_run),
        sum(|status| status.nr_removed),
    );
    let nr_wrong = nr_wrong(&table.ordinary) + nr_wrong(&table.threaded);
    pr_info!(
        "# {} operations on {} CPUs, {} rounds of flush and call: {} inserted, {} run, {} removed; {} of {} DPCs wrong\n",
        nr_operations,
        nr_cpus,
        round,
        inserted,
        run,
        removed,
        nr_wrong,
        2 * NR_DPCS
    );
    let is_enough = run > nr_operations as u64 / 100 && removed > nr_operations as u64 / 1000;
    Ok(nr_wrong == 0 && inserted == run + removed && is_enough)
}

// ---- What waits for all -------------------------------------------------------------------------

/// Each CPU is called once, one of them is the last at each point, and none goes on before all have come.
fn calls_all(system: &Arc<System>, task: &Task) -> Result<bool> {
    const ROUNDS: u64 = 50;

    let calls = PerCpu::new(|| Ok(Atomic::new(0u64)))?;
    let nr_arrived = Atomic::new(0u64);
    let nr_last = Atomic::new(0u64);
    let nr_early = Atomic::new(0u64);
    let mut nr_cpus = 0;
    for round in 1..=ROUNDS {
        nr_cpus = system.call_all(task, |everywhere| {
            calls.of(everywhere.cpu).add(1, Relaxed);
            let is_here = everywhere.cpu == cpu::CpuId::current();
            nr_arrived.fetch_add(1, Full);
            nr_last.add(u64::from(everywhere.synchronize()), Relaxed);
            let is_early = nr_arrived.load(Acquire) < round * cpu::online().count() as u64;
            nr_early.add(u64::from(is_early || !is_here), Relaxed);
            // Nobody arrives in the next round before all have looked.
            everywhere.synchronize();
        })?;
    }
    let nr_called = calls.iter().filter(|calls| calls.load(Relaxed) == ROUNDS);
    Ok(nr_called.count() == nr_cpus as usize
        && nr_last.load(Relaxed) == ROUNDS
        && nr_early.load(Relaxed) == 0)
}

/// Timers insert their DPC, once or again and again, not early, and not after they were cancelled.
fn times(system: &Arc<System>, task: &Task) -> Result<bool> {
    const DELAY_NS: u32 = 5_000_000;

    let body = Body::new(false)?;
    let handler = ForDpc::<Ordinary> {
        body: body.clone(),
        _kind: PhantomData,
    };
    let dpc = Arc::pin_init(Dpc::new(system, Ok(handler)), GFP_KERNEL)?;
    let timer = KBox::pin_init(Timer::new(dpc), GFP_KERNEL)?;
    let runs = || body.runs.load(Relaxed);
    let wait_for = |nr: u64| {
        let start_ns = clock::now_ns();
        while runs() < nr && clock::now_ns().saturating_sub(start_ns) < 2_000_000_000 {
            task.sleep_us(100, 100);
        }
        clock::now_ns().saturating_sub(start_ns)
    };
    let mut is_ok = !timer.start(DELAY_NS, None) && timer.start(DELAY_NS, None);
    is_ok &= wait_for(1) >= u64::from(DELAY_NS) - clock::resolution_ns() && runs() == 1;
    timer.start(DELAY_NS, None);
    is_ok &= timer.cancel() && !timer.cancel();
    task.sleep_ms(20);
    is_ok &= runs() == 1;
    timer.start(DELAY_NS, Some(DELAY_NS));
    wait_for(4);
    is_ok &= runs() >= 4 && timer.cancel();
    system.flush(task)?;
    let after = runs();
    task.sleep_ms(20);
    Ok(is_ok && runs() == after)
}

/// All of these. Returns how many failed.
pub(super) fn try_all(task: &Task) -> Result<u32> {
    let system = System::new()?;
    let mut nr_failed = 0;
    for (test, is_ok) in [
        ("random operations", operations(&system, task)?),
        ("called on all CPUs", calls_all(&system, task)?),
        ("inserted by timers", times(&system, task)?),
    ] {
        let result = if is_ok { "ok" } else { "not ok" };
        pr_info!("{} - DPC: {}\n", result, test);
        nr_failed += u32::from(!is_ok);
    }
    Ok(nr_failed)
}
