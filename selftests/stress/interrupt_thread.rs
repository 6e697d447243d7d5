// SPDX-License-Identifier: GPL-2.0

//! Random operations on interrupt threads, from all CPUs, against what has to be true of them.
//!
//! The rules are stated once more here, in the plainest way: which levels of a CPU have begun and not
//! ended, and how many interrupts of each were accepted. Every handler checks them as it begins
//! and ends.

mod nesting;
mod waits;

use crate::nr_operations;
use irqlab::{
    clock,
    context::{
        HardIrq,
        Task, //
    },
    cpu::{
        self,
        CpuId,
        PerCpu, //
    },
    interrupt_thread::{
        Completion,
        Handler,
        Handlers,
        HighHandler,
        InterruptThreads,
        Level,
        Mutex,
        Raised,
        Run,
        MAX_LEVEL, //
    },
    workqueue::Queue,
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

/// What is known of one CPU.
struct Known {
    /// The levels that have begun, and not ended: bit n for level n.
    occupied: Atomic<u64>,
    accepted: [Atomic<u64>; MAX_LEVEL as usize],
    begun: [Atomic<u64>; MAX_LEVEL as usize],
    ended: [Atomic<u64>; MAX_LEVEL as usize],
    random: Atomic<u64>,
}

/// What all handlers share.
struct Shared {
    known: PerCpu<Known>,
    came: Completion,
    shared: Mutex<u64>,
    locked: Atomic<u64>,
    /// How many are between its lock and unlock.
    inside: Atomic<u64>,
    /// How many rules were seen broken.
    nr_broken: Atomic<u64>,
}

impl Shared {
    fn new() -> Result<Arc<Self>> {
        let zeros = || core::array::from_fn(|_| Atomic::new(0));
        let seed = Atomic::new(0u64);
        let known = || {
            Ok(Known {
                occupied: Atomic::new(0),
                accepted: zeros(),
                begun: zeros(),
                ended: zeros(),
                random: Atomic::new(0x9e37_79b9_7f4a_7c15 ^ seed.fetch_add(0x1234_5677, Relaxed)),
            })
        };
        let shared = Self {
            known: PerCpu::new(known)?,
            came: Completion::new()?,
            shared: Mutex::new(0)?,
            locked: Atomic::new(0),
            inside: Atomic::new(0),
            nr_broken: Atomic::new(0),
        };
        Ok(Arc::new(shared, GFP_KERNEL)?)
    }

    fn expect(&self, is_so: bool) {
        self.nr_broken.add(u64::from(!is_so), Relaxed);
    }

    /// A number below `below`. Interruptions may cost a number, which does not matter.
    fn draw(&self, cpu: CpuId, below: u64) -> u64 {
        let random = &self.known.of(cpu).random;
        let mut x = random.load(Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        random.store(x, Relaxed);
        x % below
    }

    /// A handler begins: everything on its CPU that has not ended is of a lower level.
    fn begin(&self, cpu: CpuId, level: Level) {
        let known = self.known.of(cpu);
        let bit = 1u64 << level.number();
        let occupied = known.occupied.fetch_add(bit, Full);
        self.expect(occupied < bit);
        self.expect(CpuId::current() == cpu);
        known.begun[level.index()].add(1, Relaxed);
    }

    /// It ends: it had begun, and once.
    fn end(&self, cpu: CpuId, level: Level) {
        let known = self.known.of(cpu);
        let bit = 1u64 << level.number();
        self.expect(CpuId::current() == cpu);
        let ended = known.ended[level.index()].fetch_add(1, Full) + 1;
        self.expect(ended == known.begun[level.index()].load(Acquire));
        let occupied = known.occupied.fetch_sub(bit, Full);
        self.expect(occupied & bit != 0);
    }
}

/// The handler of one level.
struct Subject {
    level: Level,
    shared: Arc<Shared>,
}

impl Handler for Subject {
    async fn serve(this: Arc<Self>, run: Run) {
        let (shared, cpu) = (&this.shared, run.cpu());
        shared.begin(cpu, this.level);
        shared.expect(run.level() == this.level);
        match shared.draw(cpu, 8) {
            0 => run.in_thread().await,
            1 => run.sleep_us(50).await,
            2 => shared.came.wait().await,
            3 | 4 => {
                let mut value = shared.shared.lock().await;
                shared.expect(shared.inside.fetch_add(1, Full) == 0);
                if shared.draw(cpu, 2) == 0 {
                    run.in_thread().await;
                }
                *value += 1;
                shared.locked.add(1, Relaxed);
                shared.inside.fetch_sub(1, Full);
            }
            5 => clock::spin_ns(10_000),
            _ => (),
        }
        shared.end(cpu, this.level);
    }
}

impl HighHandler for Subject {
    fn serve(&self, _irq: &HardIrq) {
        let cpu = CpuId::current();
        self.shared.begin(cpu, self.level);
        self.shared.end(cpu, self.level);
    }
}

fn threads(shared: &Arc<Shared>, task: &Task) -> Result<InterruptThreads> {
    let mut handlers = Handlers::new();
    for level in Level::all() {
        let subject = Subject {
            level,
            shared: shared.clone(),
        };
        let subject = Arc::new(subject, GFP_KERNEL)?;
        handlers = if level.has_thread() {
            handlers.thread(level, subject)?
        } else {
            handlers.function(level, subject)?
        };
    }
    InterruptThreads::new(handlers, task)
}

fn raise(pools: &InterruptThreads, shared: &Shared, cpu: CpuId) {
    let Some(level) = Level::new(1 + shared.draw(cpu, u64::from(MAX_LEVEL)) as u8) else {
        return;
    };
    match pools.raise(level) {
        Ok(Raised::Now | Raised::Waits) => {
            shared.known.of(cpu).accepted[level.index()].add(1, Relaxed);
        }
        Ok(Raised::Merged) => (),
        Err(_) => shared.expect(false),
    }
}

/// Whether nothing waits, runs or is blocked any more, which comes about if events go on coming.
fn comes_to_rest(pools: &InterruptThreads, shared: &Shared, task: &Task) -> bool {
    const ROUNDS: u32 = 2000;

    for _ in 0..ROUNDS {
        let is_at_rest = pools.cpus().all(|cpu| {
            let levels = pools.levels(cpu);
            levels.pending | levels.active | levels.blocked == 0
        });
        if is_at_rest {
            return true;
        }
        shared.came.complete();
        task.sleep_ms(1);
    }
    false
}

/// All tests of interrupt threads. Returns how many failed.
pub(crate) fn try_all(workers: &Queue<Task>, task: &Task) -> Result<u32> {
    let mut nr_failed = 0;
    let mut report = |test: &str, is_ok: bool| {
        let result = if is_ok { "ok" } else { "not ok" };
        pr_info!("{} - interrupt threads: {}\n", result, test);
        nr_failed += u32::from(!is_ok);
    };

    let shared = Shared::new()?;
    let pools = threads(&shared, task)?;
    let nr_cpus = cpu::online().count() as u64;
    let nr_operations = u64::from(nr_operations());
    cpu::run_on(workers, cpu::online(), task, |here| {
        for _ in 0..nr_operations.div_ceil(nr_cpus) {
            if here.is_stopped() {
                break;
            }
            match shared.draw(here.cpu, 8) {
                0 | 1 => shared.came.complete(),
                2 => {
                    if let Some(mut value) = shared.shared.try_lock() {
                        shared.expect(shared.inside.fetch_add(1, Full) == 0);
                        // Whoever interrupts this has to block.
                        raise(&pools, &shared, here.cpu);
                        shared.expect(shared.shared.try_lock().is_none());
                        shared.inside.fetch_sub(1, Full);
                        *value += 1;
                        shared.locked.add(1, Relaxed);
                    }
                }
                _ => raise(&pools, &shared, here.cpu),
            }
            here.task.yield_if_needed();
        }
    })?;
    report("none is stuck", comes_to_rest(&pools, &shared, task));
    let nr_broken = shared.nr_broken.load(Relaxed);
    report(
        "levels mask each other, and the mutex excludes",
        nr_broken == 0,
    );
    let (mut nr_served, mut nr_blocked) = (0, 0);
    let mut do_agree = true;
    for cpu in pools.cpus() {
        let known = shared.known.of(cpu);
        for level in Level::all() {
            let stats = pools.stats(cpu, level);
            let accepted = known.accepted[level.index()].load(Relaxed);
            let ended = known.ended[level.index()].load(Relaxed);
            do_agree &= accepted == ended
                && ended == stats.runs
                && stats.raised - stats.merged == accepted
                && stats.blocks == stats.finished;
            nr_served += ended;
            nr_blocked += stats.blocks;
        }
    }
    report("every interrupt is served once", do_agree);
    report(
        "handlers have run, and blocked",
        nr_served > nr_operations / 20 && nr_blocked > nr_operations / 200,
    );
    let is_whole = *shared.shared.lock_in(task) == shared.locked.load(Relaxed);
    report("what the mutex guards is whole", is_whole);
    drop(pools);

    // Dropped while handlers run, wait, and hold what others wait for.
    let mut is_ok = true;
    for _ in 0..8 {
        let shared = Shared::new()?;
        let pools = threads(&shared, task)?;
        cpu::run_on(workers, cpu::online(), task, |here| {
            for _ in 0..100 {
                raise(&pools, &shared, here.cpu);
            }
        })?;
        drop(pools);
        is_ok &= shared.nr_broken.load(Relaxed) == 0 && shared.shared.try_lock().is_some();
    }
    report("dropped while they are blocked", is_ok);
    report(
        "those dropped leave nothing behind",
        waits::leave_nothing_behind(task)?,
    );
    report(
        "what is raised goes to the top",
        nesting::goes_to_the_top(task)?,
    );
    Ok(nr_failed)
}
