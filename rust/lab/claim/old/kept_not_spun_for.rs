// SPDX-License-Identifier: GPL-2.0

//! A bottom half that is marked while another one runs is kept, and its CPU does not spin for it.
//!
//! On one CPU a bottom half stays inside. On another CPU a task marks a second one: it has to come
//! back with that one still marked, which is only possible if nobody spins, and the second one has
//! to run when the first has ended. In the control, made of tasklets, one that finds the lock taken
//! gives up.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        SoftIrq, //
    },
    cpu::{
        self,
        CpuId, //
    },
    old_bh::{
        BottomHalves,
        Routine, //
    },
    tasklet::{
        self,
        Tasklet, //
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
    quote: "only one bottom half handler will execute at a time",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "removed in Linux 2.5; rebuilt: the one that finds another running marks itself again, and its soft IRQ \
            comes back for it: some rounds at once, the rest in ksoftirqd",
    functions: "bh_action(), mark_bh() of Linux 2.4; Slot::mark() here",
    control: "one that finds another running gives up",
    next: "echo OLD-02 > claims; grep ^OLD-02 claims # how often that happens",
}

/// How long the first one stays inside, if the second is not seen to be kept.
const PATIENCE_NS: u64 = 1_000_000_000;
/// How often the other task has to be kept until the first has ended, to tell that its CPU spins:
/// now and then that CPU is busy with something else.
const NR_KEPT: usize = 3;

/// What two bottom halves do: the first one stays, the second one notes that it ran.
struct Scene {
    is_inside: Atomic<bool>,
    is_let_go: Atomic<bool>,
    nr_second: Atomic<u64>,
}

/// The first, or the second.
struct Role {
    scene: Arc<Scene>,
    is_first: bool,
}

impl Routine for Role {
    fn run(&self, _softirq: &SoftIrq) {
        let scene = &self.scene;
        if self.is_first {
            scene.is_inside.store(true, Release);
            clock::spin_until(PATIENCE_NS, || scene.is_let_go.load(Acquire));
            scene.is_inside.store(false, Release);
        } else {
            scene.nr_second.fetch_add(1, Release);
        }
    }
}

/// A tasklet that runs its role only if the lock is free.
struct GivesUp {
    is_running: Arc<Atomic<bool>>,
    role: Role,
}

impl tasklet::Handler<tasklet::Kind> for GivesUp {
    fn run(this: &Tasklet<Self>, softirq: &SoftIrq) {
        if !this.is_running.xchg(true, Acquire) {
            this.role.run(softirq);
            this.is_running.store(false, Release);
        }
    }
}

/// What was seen of the two.
struct Seen {
    /// The second was marked while the first was inside.
    was_inside: bool,
    /// The task that marked it went on while the first was still inside, and before the second.
    has_come_back: bool,
    nr_second: u64,
    nr_remarks: u64,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [one, other] = trial.cpus()?;
    let mut seen = try_it(trial, one, other)?;
    for _ in 1..NR_KEPT {
        if !seen.was_inside || seen.has_come_back {
            break;
        }
        seen = try_it(trial, one, other)?;
    }
    if !seen.was_inside {
        skip!(
            Missed: "CPU {} did not come to mark one while the other ran on CPU {}",
            other.as_u32(),
            one.as_u32()
        );
    }

    evidence.check(
        seen.has_come_back,
        fmt!(
            "the first on CPU {}, the second marked on CPU {}, whose task went on while the first ran",
            one.as_u32(),
            other.as_u32()
        ),
    )?;
    if !trial.is_control() {
        let nr_remarks = seen.nr_remarks;
        evidence.check(
            nr_remarks > 0,
            fmt!("the second marked itself again {nr_remarks} times"),
        )?;
    }
    evidence.check(
        seen.nr_second == 1,
        fmt!("after the first it ran {} times", seen.nr_second),
    )?;
    evidence.holds()
}

/// Has the first run on one CPU, and the second be marked on another.
fn try_it(trial: &Trial<'_>, one: CpuId, other: CpuId) -> Answer<Seen> {
    let scene = Scene {
        is_inside: Atomic::new(false),
        is_let_go: Atomic::new(false),
        nr_second: Atomic::new(0),
    };
    let scene = Arc::new(scene, GFP_KERNEL)?;
    let role = |is_first| Role {
        scene: scene.clone(),
        is_first,
    };
    let set = BottomHalves::new()?;
    let first = set.init(0, Arc::new(role(true), GFP_KERNEL)?, trial.task)?;
    let second = set.init(1, Arc::new(role(false), GFP_KERNEL)?, trial.task)?;
    let is_running = Arc::new(Atomic::new(false), GFP_KERNEL)?;
    let tasklet = |is_first| {
        let handler = GivesUp {
            is_running: is_running.clone(),
            role: role(is_first),
        };
        KBox::pin_init(Tasklet::new(Ok::<_, Error>(handler)), GFP_KERNEL)
    };
    let tasklets = [tasklet(true)?, tasklet(false)?];

    let is_control = trial.is_control();
    let mark = |is_first: bool| match (is_control, is_first) {
        (false, true) => first.mark(),
        (false, false) => second.mark(),
        (true, _) => {
            tasklets[usize::from(!is_first)].schedule_hi();
        }
    };

    let (was_inside, has_come_back) = (Atomic::new(false), Atomic::new(false));
    cpu::run_on(
        &trial.lab().workers,
        [one, other].into_iter(),
        trial.task,
        |here| {
            if here.cpu == one {
                let _guard = BottomHalvesDisabled::new(here.task);
                mark(true);
                // It runs as the guard goes.
                return;
            }
            let is_inside = || scene.is_inside.load(Acquire);
            if !clock::spin_until(PATIENCE_NS, is_inside) {
                return;
            }
            {
                let _guard = BottomHalvesDisabled::new(here.task);
                mark(false);
                was_inside.store(is_inside(), Relaxed);
                // It runs, or is kept, as the guard goes.
            }
            has_come_back.store(is_inside() && scene.nr_second.load(Relaxed) == 0, Relaxed);
            scene.is_let_go.store(true, Release);
        },
    )?;
    scene.is_let_go.store(true, Release);
    let nr_second = || scene.nr_second.load(Acquire);
    if is_control {
        trial.eventually(trial.patience_ms(), || nr_second() > 0);
    } else {
        trial.come("the second bottom half", || nr_second() > 0)?;
    }

    Ok(Seen {
        was_inside: was_inside.load(Relaxed),
        has_come_back: has_come_back.load(Relaxed),
        nr_second: nr_second(),
        nr_remarks: second.state().nr_remarks,
    })
}
