// SPDX-License-Identifier: GPL-2.0

//! Soft IRQs run when bottom halves are enabled again, when a hard IRQ ends, and in ksoftirqd.
//!
//! The hard IRQs are those of a timer, of the tick, of IRQ work, and of a call from another CPU.
//! Where threads are forced (PREEMPT_RT, threadirqs) the end of a hard IRQ wakes ksoftirqd instead,
//! or ktimers for what the tick raised.

use super::forced::are_threads_forced;
use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    hold::spin_until,
    raiser::{
        self,
        Raiser, //
    },
    watch::{
        Event,
        System, //
    },
    witness::{
        Service,
        Testimony,
        Witness, //
    },
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        Kind,
        SoftIrq, //
    },
    cpu::{
        self,
        CpuId,
        Here, //
    },
    irq_work, new_timer, smp,
    softirq::{
        Executor,
        Vector, //
    },
    timer::{
        self,
        Handler,
        Timer, //
    },
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Relaxed,
    Release, //
};

claim! {
    quote: "Here’s a list of significant points in the kernel in which the check is done: - when softirqs are enabled on local CPU; - when do_IRQ() finished processing; - after a timer interrupt on LAPIC; - after a CALL_FUNCTION_VECTOR; - when a ksoftirqd/n kernel thread is wakened.",
    section: "SoftIRQs and Tasklets",
    today: "as the text says: the end of any hard IRQ checks. Where threads are forced (PREEMPT_RT, threadirqs) it wakes ksoftirqd instead, or ktimers for timers",
    functions: "__local_bh_enable_ip(), __irq_exit_rcu(), invoke_softirq(), run_ksoftirqd()",
    control: "all are raised in a task, with nothing around",
    next: "echo on > softirqs; sleep 1; cat softirqs; echo off > softirqs",
}

/// Where a soft IRQ is raised.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// In a task's section with bottom halves disabled.
    Section,
    /// In an interrupt of the CPU's timer.
    TimerIrq,
    /// By the tick, which sees that an ordinary timer is due.
    Tick,
    /// In the interrupt that the CPU sends itself.
    IrqWork,
    /// In the interrupt by which another CPU has it call a function.
    Call,
    /// In a task.
    Task,
}

impl Origin {
    const ALL: [Origin; 6] = [
        Origin::Section,
        Origin::TimerIrq,
        Origin::Tick,
        Origin::IrqWork,
        Origin::Call,
        Origin::Task,
    ];

    const fn name(self) -> &'static str {
        match self {
            Origin::Section => "with bottom halves off",
            Origin::TimerIrq => "in a timer's interrupt",
            Origin::Tick => "by the tick",
            Origin::IrqWork => "in the interrupt of IRQ work",
            Origin::Call => "in a call by another CPU",
            Origin::Task => "in a task",
        }
    }

    const fn vector(self) -> Vector {
        match self {
            Origin::Tick => Vector::Timer,
            _ => raiser::VECTOR,
        }
    }

    /// Whether that is where it was raised, and nothing around it, such as a section that was
    /// interrupted, is to serve it. `last` is the interrupt that it was raised in.
    fn is_of(self, service: &Service, last: Option<System>) -> bool {
        let at = &service.raised.at;
        let is_in = |wanted: &[System]| {
            let is_wanted = last.is_some_and(|last| wanted.contains(&last));
            at.kind() == Kind::HardIrq && at.softirq_depth() == 0 && is_wanted
        };
        match self {
            Origin::Section => at.kind() == Kind::Task && at.softirq_depth() > 0,
            Origin::Task => at.kind() == Kind::Task && at.softirq_depth() == 0,
            Origin::TimerIrq | Origin::Tick => is_in(&[System::LocalTimer]),
            Origin::IrqWork => is_in(&[System::IrqWork]),
            Origin::Call => is_in(&[System::CallFunction, System::CallFunctionSingle]),
        }
    }

    /// Who serves it, in a kernel that forces threads or not.
    const fn server(self, is_forced: bool) -> Executor {
        match self {
            Origin::Section => Executor::BottomHalfEnable,
            Origin::Task => Executor::Ksoftirqd,
            Origin::Tick if is_forced => Executor::Ktimers,
            _ if is_forced => Executor::Ksoftirqd,
            _ => Executor::IrqExit,
        }
    }
}

struct Nothing;

impl Handler<timer::Kind> for Nothing {
    fn run(_this: &Timer<Self>, _softirq: &SoftIrq) {}
}

struct Means {
    raiser: Raiser,
    timer: Pin<KBox<Timer<Nothing>>>,
    since_ns: Atomic<u64>,
    /// The CPU that calls has done so, if one was to.
    has_called: Atomic<bool>,
}

impl Means {
    fn raise(&self, origin: Origin, here: &Here<'_>) {
        self.since_ns.store(clock::now_ns(), Release);
        match origin {
            Origin::Section => {
                let _guard = BottomHalvesDisabled::new(here.task);
                self.raiser.raise();
            }
            Origin::TimerIrq => self.raiser.raise_in_timer_irq(),
            Origin::Tick => {
                self.timer.start(1);
            }
            Origin::IrqWork => {
                self.raiser.raise_in_irq_work();
            }
            Origin::Call => {
                // Busy: it takes an interrupt to reach it.
                spin_until(|| self.has_called.load(Acquire));
            }
            Origin::Task => self.raiser.raise(),
        }
        // Two ticks, and some.
        here.task.sleep_ms(10);
    }

    fn call(&self, cpu: CpuId, here: &Here<'_>) {
        let _ = smp::call_on(cpu, here.task, |_off| self.raiser.raise());
        self.has_called.store(true, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if !irq_work::has_interrupt() {
        skip!("without local APICs there are none of these interrupts");
    }
    trial.judge_by_clock();
    let is_forced = are_threads_forced(trial)?;
    let means = Means {
        raiser: Raiser::new()?,
        timer: KBox::pin_init(new_timer!(Ok::<_, Error>(Nothing)), GFP_KERNEL)?,
        since_ns: Atomic::new(0),
        has_called: Atomic::new(false),
    };
    let cpu = CpuId::current();
    let witness = Witness::on(cpu, |event| {
        let is_raised_here = |origin: &Origin| event.is_of(origin.vector());
        matches!(event, Event::Interrupted(_)) || Origin::ALL.iter().any(is_raised_here)
    })?;
    let caller = cpu::next_online(cpu).filter(|other| *other != cpu);
    for origin in Origin::ALL {
        if origin == Origin::Call && caller.is_none() {
            evidence.note(fmt!("a call by another CPU takes two"))?;
            continue;
        }
        let wanted = origin.server(is_forced);
        let seen = try_origin(trial, &witness, &means, origin, (cpu, caller), wanted)?;
        if seen.is_none() && !trial.is_control() {
            skip!(
                "the machine is too busy: others came before what is raised {} was served",
                origin.name()
            );
        }
        evidence.check(
            seen == Some(wanted),
            fmt!(
                "raised {}: {}",
                origin.name(),
                seen.map_or("not seen to be raised there", Executor::name)
            ),
        )?;
    }
    if is_forced {
        evidence.outdated()
    } else {
        evidence.holds()
    }
}

/// Raises it until it is served as wanted, or seen to be otherwise. The end of some interrupt may come
/// before, and serve what a task or a section is to: that shows nothing.
fn try_origin(
    trial: &Trial<'_>,
    witness: &Witness,
    means: &Means,
    origin: Origin,
    (cpu, caller): (CpuId, Option<CpuId>),
    wanted: Executor,
) -> Answer<Option<Executor>> {
    const TRIES: usize = 5;

    let from = trial.pick(origin, Origin::Task);
    let mut otherwise = None;
    for _ in 0..TRIES {
        let caller = caller.filter(|_| from == Origin::Call);
        let cpus = [Some(cpu), caller].into_iter().flatten();
        means.has_called.store(false, Relaxed);
        cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
            if here.cpu == cpu {
                means.raise(from, here);
            } else {
                means.call(cpu, here);
            }
        })?;
        let since_ns = means.since_ns.load(Relaxed);
        let testimony = witness.testimony()?;
        let seen = served(&testimony, cpu, since_ns, origin);
        let Some((service, _)) = seen.filter(|(service, last)| origin.is_of(service, *last)) else {
            continue;
        };
        let executor = service.executor;
        if executor == wanted {
            return Ok(Some(executor));
        }
        if !forestalls(executor, wanted) {
            otherwise = Some(executor);
        }
    }
    Ok(otherwise)
}

/// Whether one may serve what is for the other, as it comes before it: the end of an interrupt comes before
/// that of a section, and both before a thread that has been woken.
const fn forestalls(executor: Executor, wanted: Executor) -> bool {
    match wanted {
        Executor::IrqExit => false,
        Executor::BottomHalfEnable => matches!(executor, Executor::IrqExit),
        _ => matches!(
            executor,
            Executor::IrqExit | Executor::BottomHalfEnable | Executor::Idle
        ),
    }
}

/// How it was served, and which interrupt it was raised in, if it was in one.
fn served(
    testimony: &Testimony,
    cpu: CpuId,
    since_ns: u64,
    origin: Origin,
) -> Option<(Service, Option<System>)> {
    let service = testimony.service(cpu, since_ns, origin.vector())?;
    let mut last = None;
    for noted in testimony.on(cpu, since_ns) {
        if noted.at.stamp_ns >= service.raised.at.stamp_ns {
            break;
        }
        if let Event::Interrupted(system) = noted.event {
            last = Some(system);
        }
    }
    let is_in_irq = service.raised.at.kind() == Kind::HardIrq;
    Some((service, last.filter(|_| is_in_irq)))
}
