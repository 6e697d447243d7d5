// SPDX-License-Identifier: GPL-2.0

//! do_softirq() switches to a stack of the CPU's.
//!
//! A tasklet looks at the stack that it runs on: as the task that has scheduled it enables bottom halves
//! again; in ksoftirqd; and at the end of a hard IRQ.

use super::forced::are_threads_forced;
use crate::{
    claim::prelude::*,
    hold::attempt,
    raiser::VECTOR,
    witness::Witness, //
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        HardIrq,
        Snapshot,
        SoftIrq,
        Stack,
        StackRegion, //
    },
    cpu::{
        self,
        CpuId,
        Here, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
    softirq::Executor,
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
    Arc,
    SetOnce, //
};

claim! {
    quote: "calls do_softirq_own_stack() if needed, this function switches to the softirq stack if needed and calls __do_softirq()",
    section: "Execution - do_softirq()",
    today: "needed where a task calls it; it is the stack of hard IRQs too, on which their end goes on without a switch; \
            ksoftirqd stays on its own. With PREEMPT_RT nobody switches",
    functions: "do_softirq(), do_softirq_own_stack(), run_ksoftirqd()",
    control: "ksoftirqd is left to serve it in place of the task",
    next: "cat stacks # the stacks of a CPU, and how much of them is in use",
}

/// Where the tasklet is scheduled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Section,
    Task,
    HardIrq,
}

impl Origin {
    const fn name(self) -> &'static str {
        match self {
            Origin::Section => "as a task enables bottom halves",
            Origin::Task => "in ksoftirqd",
            Origin::HardIrq => "at the end of a hard IRQ",
        }
    }

    const fn server(self) -> Executor {
        match self {
            Origin::Section => Executor::BottomHalfEnable,
            Origin::Task => Executor::Ksoftirqd,
            Origin::HardIrq => Executor::IrqExit,
        }
    }
}

/// Looks where it runs, once.
struct Probe {
    seen: SetOnce<(Snapshot, Option<Stack>)>,
    is_done: Atomic<bool>,
}

impl tasklet::Handler<tasklet::Kind> for Probe {
    fn run(this: &Tasklet<Self>, _softirq: &SoftIrq) {
        this.seen.populate((Snapshot::take(), Stack::current()));
        this.is_done.store(true, Release);
    }
}

/// Schedules the probe in a hard IRQ.
struct Scheduler(Arc<Tasklet<Probe>>);

impl irq_work::Handler<irq_work::Kind<Now>> for Scheduler {
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        this.0.schedule_hi();
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    // On one CPU, so that the work does not leave what it interrupts.
    let cpu = CpuId::current();
    let witness = Witness::on(cpu, |event| event.is_of(VECTOR))?;
    let try_one = |origin| attempt(|| try_one(trial, origin, cpu, &witness));

    let origin = trial.pick(Origin::Section, Origin::Task);
    let of_task = try_one(origin)?;
    let has_switched = of_task.region == StackRegion::Irq;
    // Where threads serve all of them, none needs to.
    let is_of_threads = cfg!(CONFIG_PREEMPT_RT);
    evidence.check(
        has_switched || is_of_threads && !trial.is_control(),
        fmt!(
            "{}: on the {} stack, {} of {} bytes in use",
            origin.name(),
            of_task.region,
            of_task.used(),
            of_task.size()
        ),
    )?;
    let of_thread = try_one(Origin::Task)?;
    evidence.check(
        of_thread.region == StackRegion::Task,
        fmt!("{}: on the {} stack", Origin::Task.name(), of_thread.region),
    )?;
    // Where threads are forced none runs there.
    if irq_work::has_interrupt() && !are_threads_forced(trial)? {
        let of_irq = try_one(Origin::HardIrq)?;
        let is_same = of_irq.low == of_task.low;
        evidence.note(fmt!(
            "{}: on the {} stack, {}",
            Origin::HardIrq.name(),
            of_irq.region,
            if is_same { "the same" } else { "another one" }
        ))?;
    }
    if has_switched {
        evidence.holds()
    } else {
        evidence.outdated()
    }
}

/// The stack that the probe finds itself on. Nothing if somebody else came to run it.
fn try_one(
    trial: &Trial<'_>,
    origin: Origin,
    cpu: CpuId,
    witness: &Witness,
) -> Answer<Option<Stack>> {
    let probe = Probe {
        seen: SetOnce::new(),
        is_done: Atomic::new(false),
    };
    let probe = Arc::pin_init(Tasklet::new(Ok(probe)), GFP_KERNEL)?;
    let scheduler = IrqWork::new(Ok::<_, Error>(Scheduler(probe.clone())));
    let scheduler = KBox::pin_init(scheduler, GFP_KERNEL)?;
    let (pid, since_ns) = (Atomic::new(0), Atomic::new(0));
    let cpus = core::iter::once(cpu);
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here: &Here<'_>| {
        const PATIENCE_NS: u64 = 2_000_000;

        pid.store(Snapshot::take().pid, Relaxed);
        since_ns.store(clock::now_ns(), Relaxed);
        match origin {
            Origin::Section => {
                let _guard = BottomHalvesDisabled::new(here.task);
                probe.schedule_hi();
            }
            Origin::Task => {
                probe.schedule_hi();
            }
            Origin::HardIrq => {
                scheduler.queue();
                clock::spin_until(PATIENCE_NS, || probe.is_done.load(Acquire));
            }
        }
    })?;
    if !trial.eventually(2000, || probe.is_done.load(Acquire)) {
        return Ok(None);
    }
    let Some((at, Some(stack))) = probe.seen.as_ref().copied() else {
        return Ok(None);
    };
    let is_own = at.pid == pid.load(Relaxed);
    let is_of_thread = at.comm().starts_with("ksoftirqd/");
    // On a task's own stack it can only have been that task. On another one it may have been the exit of an
    // interrupt that came there.
    let is_where_meant = if origin == Origin::Task {
        is_of_thread
    } else {
        is_own
    };
    let is_sure = is_where_meant
        && match (origin, stack.region) {
            (Origin::Task | Origin::Section, StackRegion::Task) => true,
            _ => {
                let events = witness.events()?;
                let service = events.service(cpu, since_ns.load(Relaxed), VECTOR);
                service.is_some_and(|service| service.executor == origin.server())
            }
        };
    Ok(is_sure.then_some(stack))
}
