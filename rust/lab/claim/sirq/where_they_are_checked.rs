// SPDX-License-Identifier: GPL-2.0

//! Soft IRQs run when bottom halves are enabled again, when a hard IRQ
//! ends (that of a timer, of the tick, and of an interrupt between processors
//! are tried), and in ksoftirqd.
//!
//! Where threads are forced (PREEMPT_RT, threadirqs) the end of a hard IRQ wakes
//! ksoftirqd instead, or ktimers for what the tick raised.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    raiser::{
        self,
        Raiser, //
    },
    refusal::Answer,
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
    emit, new_timer,
    softirq::{
        Executor,
        Vector, //
    },
    text::Text,
    timer::{
        Handler,
        Timer, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed,
        Release, //
    },
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
    Ipi,
    /// In a task.
    Task,
}

const ORIGINS: [Origin; 5] = [
    Origin::Section,
    Origin::TimerIrq,
    Origin::Tick,
    Origin::Ipi,
    Origin::Task,
];

impl Origin {
    const fn name(self) -> &'static str {
        match self {
            Origin::Section => "with bottom halves off",
            Origin::TimerIrq => "in a timer's IRQ",
            Origin::Tick => "by the tick",
            Origin::Ipi => "in an IPI",
            Origin::Task => "in a task",
        }
    }

    const fn vector(self) -> Vector {
        match self {
            Origin::Tick => Vector::Timer,
            _ => raiser::VECTOR,
        }
    }

    /// Whether that is where it was raised, and nothing around it, such as a
    /// section that was interrupted, is to serve it.
    fn is_of(self, service: &Service, last: Option<System>) -> bool {
        let at = &service.raised.at;
        match self {
            Origin::Section => at.kind() == Kind::Task && at.softirq_depth() > 0,
            Origin::Task => at.kind() == Kind::Task && at.softirq_depth() == 0,
            _ => {
                let wanted = match self {
                    Origin::Ipi => System::IrqWork,
                    _ => System::LocalTimer,
                };
                at.kind() == Kind::HardIrq && at.softirq_depth() == 0 && last == Some(wanted)
            }
        }
    }

    /// Whether this is who serves it, in a kernel that forces threads or not.
    fn is_served_by(self, executor: Executor, is_forced: bool) -> bool {
        match self {
            Origin::Section => executor == Executor::BottomHalfEnable,
            Origin::Task => executor == Executor::Ksoftirqd,
            Origin::Tick if is_forced => executor == Executor::Ktimers,
            _ if is_forced => executor == Executor::Ksoftirqd,
            _ => executor == Executor::IrqExit,
        }
    }
}

struct Nothing;

impl Handler for Nothing {
    fn run(_this: &Timer<Self>, _softirq: &SoftIrq) {}
}

struct Means {
    raiser: Raiser,
    timer: Pin<KBox<Timer<Nothing>>>,
    since_ns: Atomic<u64>,
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
            Origin::Ipi => {
                self.raiser.raise_in_irq_work();
            }
            Origin::Task => self.raiser.raise(),
        }
        // Two ticks, and some.
        here.task.sleep_ms(10);
    }
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    trial.judge_by_clock();
    let means = Means {
        raiser: Raiser::new()?,
        timer: KBox::pin_init(new_timer!(Ok::<_, Error>(Nothing)), GFP_KERNEL)?,
        since_ns: Atomic::new(0),
    };
    let witness = Witness::of(|event| {
        let is_raised_here = |origin: &Origin| event.is_of(origin.vector());
        matches!(event, Event::Interrupted(_)) || ORIGINS.iter().any(is_raised_here)
    })?;
    let mut evidence = Text::new();
    // The end of a hard IRQ that wakes a thread does it always.
    let is_forced = &mut None;
    let mut all_as_claimed = true;
    for origin in ORIGINS {
        let (as_claimed, tries) = try_origin(trial, &witness, &means, origin, is_forced)?;
        let separator = if evidence.is_empty() { "raised " } else { "; " };
        emit!(
            &mut evidence,
            "{}{}: {} ({})",
            separator,
            origin.name(),
            as_claimed.map_or("not shown", Executor::name),
            tries
        )?;
        all_as_claimed &= as_claimed.is_some();
    }
    judge!(all_as_claimed, "{}", evidence)
}

/// Raises it until the executor shows who is to serve what is raised there. Some
/// interrupt may come first, and serve what ksoftirqd was woken for; or the CPU
/// was in a section already. Returns the executor, and a list of all.
fn try_origin(
    trial: &Trial<'_>,
    witness: &Witness,
    means: &Means,
    origin: Origin,
    is_forced: &mut Option<bool>,
) -> Answer<(Option<Executor>, Text)> {
    const TRIES: usize = 5;

    let mut tries = Text::new();
    for _ in 0..TRIES {
        let cpu = CpuId::current();
        let cpus = core::iter::once(cpu);
        let from = if trial.is_control() {
            Origin::Task
        } else {
            origin
        };
        cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
            means.raise(from, here)
        })?;
        let since_ns = means.since_ns.load(Relaxed);
        let testimony = witness.testimony()?;
        tries.separate(", ")?;
        let Some((service, last)) = served(&testimony, cpu, since_ns, origin) else {
            emit!(&mut tries, "none")?;
            continue;
        };
        emit!(
            &mut tries,
            "raised in {}{}{}, current {}",
            service.raised.at.kind(),
            if last.is_some() { " " } else { "" },
            last.map_or("", System::name),
            service.entered.at.comm()
        )?;
        let executor = service.executor;
        if !origin.is_of(&service, last) {
            continue;
        }
        let is_thread = matches!(executor, Executor::Ksoftirqd | Executor::Ktimers);
        let is_forced = match origin {
            Origin::Section | Origin::Task => false,
            _ => *is_forced.get_or_insert(is_thread),
        };
        if origin.is_served_by(executor, is_forced) {
            return Ok((Some(executor), tries));
        }
    }
    Ok((None, tries))
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
