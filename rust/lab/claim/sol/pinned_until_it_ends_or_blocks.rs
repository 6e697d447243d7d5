// SPDX-License-Identifier: GPL-2.0

//! The interrupted thread is pinned to its CPU until the handler ends or blocks.
//!
//! A thread counts on one CPU; a handler interrupts it, and holds the CPU. Meanwhile the thread
//! is told to move to another CPU. It cannot: it does not count, and whoever moves it waits. As
//! soon as the handler has ended the thread is over there. The control's handler blocks: then
//! it is there before the handler has ended.

use super::actor::{
    level,
    on_cpu,
    spin_until,
    threads,
    Actor, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    context::{
        Snapshot,
        Task, //
    },
    cpu::{
        CpuId,
        Set, //
    },
    kthread::{
        self,
        Priority,
        Work,
        Worker, //
    },
    smp,
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
    quote: "the active thread is marked as a pinned thread, which means that it is put to sleep but \
            cannot be scheduled on another processor, because its context is not completely saved \
            (translated)",
    section: "4.1.1.3. Example: Solaris Pinned Threads",
    today: "rebuilt: the interrupted thread is the CPU's current task, below the handler on the same \
            CPU, and the scheduler moves no task that runs",
    functions: "handle_softirqs(), set_cpus_allowed_ptr(), migration_cpu_stop()",
    control: "the handler blocks instead of holding the CPU",
    next: "echo SOL-04 > claims; grep ^SOL-04 claims",
}

/// The thread that is interrupted: it counts, until it is elsewhere or told to end.
struct Victim {
    elsewhere: CpuId,
    count: Atomic<u64>,
    pid: Atomic<i32>,
    cpu: Atomic<u32>,
    is_over: Atomic<bool>,
}

impl kthread::Handler<kthread::Kind> for Victim {
    fn run(this: &Work<Self>, _task: &Task) {
        const LONG_NS: u64 = 5_000_000_000;

        clock::spin_until(LONG_NS, || {
            let now = Snapshot::take();
            this.pid.store(now.pid, Relaxed);
            this.cpu.store(now.cpu, Release);
            this.count.add(1, Relaxed);
            this.is_over.load(Acquire) || now.cpu == this.elsewhere.as_u32()
        });
    }
}

/// The thread that moves it.
struct Mover {
    victim: Arc<Worker>,
    to: Set,
    has_begun: Atomic<bool>,
    has_moved: Atomic<bool>,
}

impl kthread::Handler<kthread::Kind> for Mover {
    fn run(this: &Work<Self>, task: &Task) {
        this.has_begun.store(true, Release);
        if this.victim.set_cpus(&this.to, task).is_ok() {
            this.has_moved.store(true, Release);
        }
    }
}

/// What was seen while the handler had not ended.
struct Meanwhile {
    has_ended: bool,
    counted: u64,
    cpu: u32,
    has_moved: bool,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [elsewhere, home] = trial.cpus()?;
    let actor = Actor::blocking(trial.is_control())?;
    actor.holds.store(!trial.is_control(), Release);
    let pools = threads(&[(5, &actor)], trial)?;
    let level = level(5)?;

    let worker = Worker::new(c"irqlab_victim", Priority::FifoLow)?;
    worker.set_cpus(&Set::of([home])?, trial.task)?;
    let victim = Work::new(
        worker.clone(),
        Ok(Victim {
            elsewhere,
            count: Atomic::new(0),
            pid: Atomic::new(0),
            cpu: Atomic::new(u32::MAX),
            is_over: Atomic::new(false),
        }),
    );
    let victim = Arc::pin_init(victim, GFP_KERNEL)?;
    let mover = Work::new(
        Worker::on(elsewhere, c"irqlab_mover", Priority::Fifo)?,
        Ok(Mover {
            victim: worker,
            to: Set::of([elsewhere])?,
            has_begun: Atomic::new(false),
            has_moved: Atomic::new(false),
        }),
    );
    let mover = Arc::pin_init(mover, GFP_KERNEL)?;

    let is_control = trial.is_control();
    let seen = kernel::sync::SetOnce::new();
    on_cpu(trial, elsewhere, |here| {
        victim.queue();
        if !spin_until(|| victim.cpu.load(Acquire) == home.as_u32())
            || smp::call_on(home, here.task, |_off| pools.raise(level)).is_err()
            || !spin_until(|| actor.nr_begun() == 1)
        {
            return;
        }
        let before = victim.count.load(Relaxed);
        mover.queue();
        spin_until(|| mover.has_begun.load(Acquire));
        if is_control {
            // Nothing keeps it, but the host may stop its CPU.
            spin_until(|| mover.has_moved.load(Acquire));
        } else {
            here.task.sleep_ms(5);
        }
        let meanwhile = Meanwhile {
            counted: victim.count.load(Relaxed).wrapping_sub(before),
            cpu: victim.cpu.load(Acquire),
            has_moved: mover.has_moved.load(Acquire),
            // Last: what was seen before was seen while it had not ended.
            has_ended: actor.nr_ended() > 0,
        };
        seen.populate(meanwhile);
    })?;
    actor.holds.store(false, Release);
    actor.let_go.complete();
    let is_elsewhere = || victim.cpu.load(Acquire) == elsewhere.as_u32();
    let has_moved = match seen.as_ref() {
        Some(_) => trial.come("the end of the handler, and then the thread", || {
            actor.nr_ended() == 1 && is_elsewhere()
        }),
        None => Ok(()),
    };
    victim.is_over.store(true, Release);
    has_moved?;

    let (Some(seen), Some(begun)) = (seen.as_ref(), actor.begun()) else {
        skip!(
            Missed: "the thread and the interrupt did not meet on CPU {}",
            home.as_u32()
        );
    };
    if seen.has_ended {
        skip!(Missed: "the handler had to end before the thread was moved");
    }
    if begun.pid != victim.pid.load(Relaxed) {
        skip!("the interrupt met '{}' instead of the thread", begun.comm());
    }
    evidence.note(fmt!(
        "a handler interrupted thread {} on CPU {}",
        begun.pid,
        begun.cpu
    ))?;
    evidence.check(
        seen.counted == 0 && seen.cpu == home.as_u32(),
        fmt!(
            "while it had not ended the thread counted {} times, last on CPU {}",
            seen.counted,
            seen.cpu
        ),
    )?;
    evidence.check(
        !seen.has_moved,
        fmt!(
            "moving it to CPU {} {}",
            elsewhere.as_u32(),
            if seen.has_moved {
                "succeeded"
            } else {
                "waited"
            }
        ),
    )?;
    evidence.check(is_elsewhere(), fmt!("afterwards it ran there"))?;
    evidence.holds()
}
