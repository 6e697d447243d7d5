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
    context::{
        Task,
        Unsleeping, //
    },
    cpu::{
        self,
        CpuId,
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
    interrupt::local_interrupt_disable,
    kthread::{
        self,
        Priority,
        Work,
        Worker, //
    },
    smp,
    tracepoint::{
        Attached,
        LocalTimerEntry,
        Observer, //
    },
    workqueue::Queue, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
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

    fn schedule(&self) -> bool {
        self.insert(Arguments::default())
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

impl kthread::Handler<kthread::Kind> for Part {
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
            // Who called learns of an error.
            let _ = everywhere.synchronize();
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

/// Two CPUs change parameters at the same time: no change is lost, and all queues keep the last.
fn changes_parameters(system: &Arc<System>, task: &Task) -> Result<bool> {
    const ROUNDS: u32 = 10_000;

    let queue = Queue::per_cpu(c"irqlab_stress")?;
    let defaults = Parameters {
        minimum_rate: 0,
        ideal_rate: 0,
        ..Parameters::default()
    };
    system.set_parameters(defaults);
    let cpus = || cpu::online().take(2);
    let first = cpus().next();
    cpu::run_on(&queue, cpus(), task, |here| {
        let is_first = Some(here.cpu) == first;
        for round in 0..ROUNDS {
            system.update_parameters(|now| {
                if is_first {
                    Parameters {
                        minimum_rate: now.minimum_rate + 1,
                        maximum_depth: 1 + round % 2,
                        ..now
                    }
                } else {
                    Parameters {
                        ideal_rate: now.ideal_rate + 1,
                        maximum_depth: 3 + round % 2,
                        ..now
                    }
                }
            });
        }
    })?;
    let now = system.parameters();
    let is_kept = |cpu| {
        system.ordinary(cpu).maximum_depth == now.maximum_depth
            && system.threaded(cpu).maximum_depth == now.maximum_depth
    };
    let nr_other = if cpus().count() > 1 { ROUNDS } else { 0 };
    let is_ok = now.minimum_rate == ROUNDS && now.ideal_rate == nr_other;
    let are_kept = cpu::online().all(is_kept);
    system.set_parameters(Parameters::default());
    Ok(is_ok && are_kept)
}

/// Each threaded DPC that finds its thread asleep is counted as a request, and no tick comes for it.
fn counts_threaded(system: &Arc<System>, task: &Task) -> Result<bool> {
    const ROUNDS: u64 = 20;

    let cpu = cpu::online().last().ok_or(ENXIO)?;
    let body = Body::new(false)?;
    let handler = ForDpc::<Threaded> {
        body: body.clone(),
        _kind: PhantomData,
    };
    let dpc = KBox::pin_init(Dpc::new(system, Ok(handler)), GFP_KERNEL)?;
    // For an ordinary one this would wait for a tick.
    system.set_parameters(Parameters {
        maximum_depth: 1000,
        minimum_rate: 0,
        ..Parameters::default()
    });
    dpc.set_target(Some(cpu));
    dpc.set_importance(Importance::Low);
    let requests = || {
        let [local, remote, ..] = system.threaded(cpu).nr_requests;
        local + remote
    };
    let before = requests();
    for round in 1..=ROUNDS {
        dpc.insert(Arguments::default());
        let mut patience = 20_000;
        while body.runs.load(Relaxed) < round || system.threaded(cpu).is_active {
            patience -= 1;
            if patience == 0 {
                return Ok(false);
            }
            task.sleep_us(100, 100);
        }
    }
    system.set_parameters(Parameters::default());
    Ok(requests() - before == ROUNDS && system.threaded(cpu).nr_ticks == 0)
}

/// Neither a tick nor a period of no length keeps a CPU busy.
fn bears_no_storm(task: &Task) -> Result<bool> {
    let system = System::new()?;
    system.set_parameters(Parameters {
        tick_ms: 0,
        ..Parameters::default()
    });
    let body = Body::new(false)?;
    let handler = ForDpc::<Ordinary> {
        body: body.clone(),
        _kind: PhantomData,
    };
    let cpu = cpu::online().next().ok_or(ENXIO)?;
    let dpc = Arc::pin_init(Dpc::new(&system, Ok(handler)), GFP_KERNEL)?;
    dpc.set_target(Some(cpu));
    let timer = KBox::pin_init(Timer::new(dpc), GFP_KERNEL)?;
    let start_ns = clock::now_ns();
    timer.start(1, Some(1));
    let elapsed_ns = || clock::now_ns().saturating_sub(start_ns);
    let nr_ticks = || system.ordinary(cpu).nr_ticks;
    while (body.runs.load(Relaxed) == 0 || nr_ticks() == 0) && elapsed_ns() < 2_000_000_000 {
        task.sleep_ms(20);
    }
    timer.cancel();
    let nr_ticks = nr_ticks();
    let ns = elapsed_ns();
    let max_runs = 1 + ns / u64::from(Timer::<ForDpc<Ordinary>>::MIN_PERIOD_NS);
    system.flush(task)?;
    let runs = body.runs.load(Relaxed);
    // Each tick is a millisecond after the one before.
    Ok(runs > 0 && runs <= max_runs && nr_ticks > 0 && nr_ticks <= 1 + ns / 1_000_000)
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
            nr_last.add(u64::from(everywhere.synchronize() == Ok(true)), Relaxed);
            let is_early = nr_arrived.load(Acquire) < round * cpu::online().count() as u64;
            nr_early.add(u64::from(is_early || !is_here), Relaxed);
            // Nobody arrives in the next round before all have looked.
            let _ = everywhere.synchronize();
        })?;
    }
    let nr_called = calls.iter().filter(|calls| calls.load(Relaxed) == ROUNDS);
    Ok(nr_called.count() == nr_cpus as usize
        && nr_last.load(Relaxed) == ROUNDS
        && nr_early.load(Relaxed) == 0)
}

/// What a task does that its CPU comes to later.
struct Later {
    is_done: Atomic<bool>,
}

impl kthread::Handler<kthread::Kind> for Later {
    fn run(this: &Work<Self>, _task: &Task) {
        this.is_done.store(true, Release);
    }
}

/// How long CPUs wait for what only comes after others have given up.
const MAX_WAIT_NS: u64 = 5_000_000_000;

/// CPUs that wait for each other in vain give up, and who has called them learns of it.
fn gives_up(system: &Arc<System>, task: &Task) -> Result<bool> {
    let first = cpu::online().next().ok_or(ENXIO)?;
    let is_alone = cpu::online().count() == 1;
    // The others never come.
    let forgotten = system.call_all(task, |everywhere| {
        if everywhere.cpu == first {
            let _ = everywhere.synchronize();
        }
    });
    // The others wait for a task of the first one's CPU, which does not come to it before this has
    // ended; unless soft IRQs are tasks too.
    let worker = Worker::on(first, c"irqlab_stress", Priority::Normal)?;
    let later = Later {
        is_done: Atomic::new(false),
    };
    let later = KBox::pin_init(Work::new(worker, Ok(later)), GFP_KERNEL)?;
    let blocked = system.call_all(task, |everywhere| {
        if everywhere.cpu == first {
            later.queue();
        } else {
            clock::spin_until(MAX_WAIT_NS, || later.is_done.load(Acquire));
        }
        let _ = everywhere.synchronize();
    });
    let has_given_up = |result: Result<u32>| result == Err(ETIMEDOUT);
    Ok(has_given_up(forgotten) != is_alone
        && (has_given_up(blocked) != is_alone || cfg!(CONFIG_PREEMPT_RT)))
}

/// Where the local timer's interrupts wait for who is to meet them, one of each CPU.
struct TimerInterrupts(PerCpu<Atomic<u32>>);

/// Nobody waits; the next interrupt is to wait; it does.
const PASSED: u32 = 0;
const EXPECTED: u32 = 1;
const THERE: u32 = 2;

/// How long one waits for the other: a virtual CPU may stand still.
const PATIENCE_NS: u64 = 10_000_000;

impl Observer<LocalTimerEntry> for TimerInterrupts {
    fn observe(&self, _event: &LocalTimerEntry, _context: &Unsleeping) {
        let state = self.0.local();
        if state.cmpxchg(EXPECTED, THERE, Full).is_ok() {
            clock::spin_until(PATIENCE_NS, || state.load(Acquire) == PASSED);
        }
    }
}

/// A periodic timer that is cancelled as it expires on another CPU inserts nothing more, from the
/// moment at which that is done.
///
/// For the two to meet, each waits for the other in the timer's interrupt. Then this CPU waits as long as it
/// takes the other to insert the DPC: longer if it was not yet there, less if it was, and ever more so until
/// that changes.
fn cancels_for_good(system: &Arc<System>, task: &Task) -> Result<bool> {
    const DELAY_NS: u32 = 30_000;
    const PERIOD_NS: u32 = Timer::<ForDpc<Ordinary>>::MIN_PERIOD_NS;
    const STEP_NS: u64 = 100;
    const MAX_WAIT_NS: u64 = 5_000_000;
    const MAX_ROUNDS: u32 = 5000;
    /// A debug kernel takes longer for each.
    const MAX_NS: u64 = 3_000_000_000;

    let body = Body::new(false)?;
    let handler = ForDpc::<Ordinary> {
        body: body.clone(),
        _kind: PhantomData,
    };
    let dpc = Arc::pin_init(Dpc::new(system, Ok(handler)), GFP_KERNEL)?;
    let timer = KBox::pin_init(Timer::new(dpc), GFP_KERNEL)?;
    let interrupts = TimerInterrupts(PerCpu::new(|| Ok(Atomic::new(PASSED)))?);
    let mut interrupts = Attached::new(Arc::new(interrupts, GFP_KERNEL)?);
    interrupts.to::<LocalTimerEntry>()?;
    let mut limit = clock::Limit::ns(MAX_NS);
    let (mut wait_ns, mut step_ns, mut was_before) = (0, STEP_NS, true);
    let (mut nr_rounds, mut nr_before, mut nr_late) = (0u32, 0u32, 0u32);
    while nr_rounds < MAX_ROUNDS && !limit.has_passed() {
        // On a CPU that is not this one, if there is one, as far as this task stays here.
        let other = cpu::next_online(CpuId::current()).ok_or(ENXIO)?;
        let nr_inserted = || system.ordinary(other).nr_inserted;
        let before = nr_inserted();
        smp::call_on(other, task, |_off| {
            interrupts.observer().0.of(other).store(EXPECTED, Relaxed);
            timer.start(DELAY_NS, Some(PERIOD_NS))
        })?;
        let at_cancel = {
            let _off = local_interrupt_disable();
            let state = interrupts.observer().0.of(other);
            if CpuId::current() != other {
                clock::spin_until(PATIENCE_NS, || state.load(Acquire) == THERE);
            }
            state.store(PASSED, Release);
            clock::spin_ns(wait_ns);
            timer.cancel();
            nr_inserted()
        };
        // Its interrupt has ended, as it has taken another one.
        smp::call_on(other, task, |_off| ())?;
        clock::spin_ns(u64::from(PERIOD_NS) * 5 / 4);
        nr_late += u32::from(nr_inserted() != at_cancel);
        let is_before = at_cancel == before;
        step_ns = match is_before == was_before {
            true => step_ns * 2,
            false => STEP_NS,
        };
        was_before = is_before;
        wait_ns = match is_before {
            true => MAX_WAIT_NS.min(wait_ns + step_ns),
            false => wait_ns.saturating_sub(step_ns),
        };
        step_ns = step_ns.min(MAX_WAIT_NS);
        nr_before += u32::from(is_before);
        nr_rounds += 1;
        // What was inserted is out of the way of the next round.
        system.flush(task)?;
        task.yield_if_needed();
    }
    pr_info!(
        "# cancelled {} times as it expired, {} of them before it inserted: {} times in vain\n",
        nr_rounds,
        nr_before,
        nr_late
    );
    // It must have come both ways, where there are two CPUs.
    let is_alone = cpu::online().nth(1).is_none();
    Ok(nr_late == 0 && (is_alone || nr_before > 0 && nr_before < nr_rounds))
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
    is_ok &= wait_for(1) >= u64::from(DELAY_NS) - clock::resolution_ns(clock::Counter::Clock)
        && runs() == 1;
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
        ("parameters changed", changes_parameters(&system, task)?),
        ("threaded ones counted", counts_threaded(&system, task)?),
        ("no storm", bears_no_storm(task)?),
        ("given up waiting", gives_up(&system, task)?),
        ("called on all CPUs", calls_all(&system, task)?),
        ("inserted by timers", times(&system, task)?),
        ("cancelled for good", cancels_for_good(&system, task)?),
    ] {
        let result = if is_ok { "ok" } else { "not ok" };
        pr_info!("{} - DPC: {}\n", result, test);
        nr_failed += u32::from(!is_ok);
    }
    Ok(nr_failed)
}
