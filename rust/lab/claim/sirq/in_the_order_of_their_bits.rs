// SPDX-License-Identifier: GPL-2.0

//! Pending soft IRQs run in the order of their bits.
//!
//! They are raised the other way round, while none can run. Where threads are forced (PREEMPT_RT,
//! threadirqs) timers have a thread of their own with a mask of its own: the order is that among
//! those with the same executor.

use crate::{
    claim::prelude::*,
    hold::attempt,
    tape::Noted,
    watch::Event,
    witness::{
        Service,
        Testimony,
        Witness, //
    },
};
#[cfg(CONFIG_IRQ_POLL)]
use irqlab::irq_poll::{
    self,
    IrqPoll, //
};
use irqlab::{
    clock,
    context::{
        BottomHalvesDisabled,
        SoftIrq, //
    },
    cpu::{
        self,
        CpuId,
        Here, //
    },
    emit,
    hrtimer::{
        self,
        HrTimer, //
    },
    new_timer,
    softirq::Vector,
    tasklet::{
        self,
        Tasklet, //
    },
    text::Text,
    timer::{
        self,
        Timer, //
    },
};
use kernel::{
    interrupt::local_interrupt_disable,
    sync::atomic::{
        Atomic,
        Relaxed,
        Release, //
    },
};

claim! {
    quote: "The __do_softirq() reads the bit mask of the local CPU and executes the deferrable functions corresponding to every set bit.",
    section: "Execution - do_softirq()",
    today: "as the text says, from the lowest bit to the highest; where threads are forced the timers' bits are ktimers' own",
    functions: "handle_softirqs(), ffs()",
    control: "each has run before the next is raised",
    next: "echo on > softirqs; sleep 1; cat softirqs; echo off > softirqs",
}

/// What is raised, in this order: the timers by the clock, the others one by one.
const TIMERS: [Vector; 2] = [Vector::HrTimer, Vector::Timer];
const OTHERS: &[Vector] = &[
    Vector::Tasklet,
    #[cfg(CONFIG_IRQ_POLL)]
    Vector::IrqPoll,
    Vector::Hi,
];

struct Nothing;

impl tasklet::Handler<tasklet::Kind> for Nothing {
    fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {}
}

impl timer::Handler<timer::Kind> for Nothing {
    fn run(_this: &Timer<Self>, _softirq: &SoftIrq) {}
}

#[cfg(CONFIG_IRQ_POLL)]
impl irq_poll::Handler for Nothing {
    fn poll(_this: &IrqPoll<Self>, _softirq: &SoftIrq, _budget: u32) -> u32 {
        0
    }

    fn has_more(_this: &IrqPoll<Self>) -> bool {
        false
    }
}

impl hrtimer::Handler<hrtimer::Kind<SoftIrq>> for Nothing {
    fn run(_this: &HrTimer<Self, SoftIrq>, _softirq: &SoftIrq) {}
}

struct Means {
    hrtimer: Pin<KBox<HrTimer<Nothing, SoftIrq>>>,
    timer: Pin<KBox<Timer<Nothing>>>,
    tasklet: Pin<KBox<Tasklet<Nothing>>>,
    #[cfg(CONFIG_IRQ_POLL)]
    irq_poll: Pin<KBox<IrqPoll<Nothing>>>,
    tasklet_hi: Pin<KBox<Tasklet<Nothing>>>,
}

impl Means {
    fn new() -> Result<Self> {
        let tasklet = || KBox::pin_init(Tasklet::new(Ok::<_, Error>(Nothing)), GFP_KERNEL);
        Ok(Self {
            hrtimer: KBox::pin_init(HrTimer::new(Ok::<_, Error>(Nothing)), GFP_KERNEL)?,
            timer: KBox::pin_init(new_timer!(Ok::<_, Error>(Nothing)), GFP_KERNEL)?,
            tasklet: tasklet()?,
            #[cfg(CONFIG_IRQ_POLL)]
            irq_poll: KBox::pin_init(IrqPoll::new(1, Ok::<_, Error>(Nothing)), GFP_KERNEL)?,
            tasklet_hi: tasklet()?,
        })
    }

    /// Starts both timers, and lets their time pass.
    fn raise_timers(&self) {
        const TICKS: usize = 3;
        const PATIENCE_NS: u64 = 50_000_000;

        self.hrtimer.start(1);
        self.timer.start(1);
        let start = clock::ticks();
        clock::spin_until(PATIENCE_NS, || clock::ticks().wrapping_sub(start) >= TICKS);
    }

    fn raise(&self, vector: Vector) {
        match vector {
            Vector::Tasklet => self.tasklet.schedule(),
            #[cfg(CONFIG_IRQ_POLL)]
            Vector::IrqPoll => self.irq_poll.schedule(),
            _ => self.tasklet_hi.schedule_hi(),
        };
    }

    /// Calls `begin` when nothing that is raised is served any more.
    fn raise_together(&self, begin: impl Fn(), here: &Here<'_>) {
        if cfg!(CONFIG_PREEMPT_RT) {
            let _guard = local_interrupt_disable();
            begin();
            OTHERS.iter().for_each(|vector| self.raise(*vector));
        } else {
            let _guard = BottomHalvesDisabled::new(here.task);
            begin();
            self.raise_timers();
            OTHERS.iter().for_each(|vector| self.raise(*vector));
        }
    }

    fn raise_one_by_one(&self, here: &Here<'_>) {
        for vector in OTHERS {
            self.raise(*vector);
            here.task.sleep_ms(10);
        }
    }
}

/// How often a wrong order has to be seen.
const NR_WRONG: u32 = 3;

type Services = KVec<(Vector, Service)>;

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.judge_by_clock();
    let means = Means::new()?;
    let cpu = CpuId::current();
    let witness = Witness::on(cpu, |event| {
        let mut all = [&TIMERS[..], OTHERS].into_iter().flatten();
        all.any(|vector| event.is_of(*vector))
    })?;
    let mut nr_wrong = 0;
    let services = attempt(|| {
        let services = try_round(trial, cpu, &means, &witness)?;
        let is_wrong = |services: &Services| !is_ascending(services, |service| service.entered);
        nr_wrong += u32::from(services.as_ref().is_some_and(is_wrong));
        // Raised by others, too, they may have been served in parts.
        let is_final =
            |services: &Services| trial.is_control() || !is_wrong(services) || nr_wrong == NR_WRONG;
        Ok(services.filter(is_final))
    })?;
    evidence.check(
        !is_ascending(&services, |service| service.raised),
        fmt!(
            "raised on CPU {}: {}",
            cpu.as_u32(),
            in_order(&services, |service| service.raised)?
        ),
    )?;
    let are_together = were_pending_together(&services);
    evidence.check(
        are_together,
        fmt!(
            "all before the first was entered: {}",
            if are_together { "yes" } else { "no" }
        ),
    )?;
    evidence.check(
        is_ascending(&services, |service| service.entered),
        fmt!(
            "entered: {}",
            in_order(&services, |service| service.entered)?
        ),
    )?;
    evidence.holds()
}

/// Raises them, and sees how each was served. Nothing if they were not all pending at the same time,
/// which is what the control does; or if one was raised again before all were served: then there may
/// have been two rounds.
fn try_round(
    trial: &Trial<'_>,
    cpu: CpuId,
    means: &Means,
    witness: &Witness,
) -> Answer<Option<Services>> {
    let since_ns = Atomic::new(0);
    let begin = || since_ns.store(clock::now_ns(), Release);
    let is_control = trial.is_control();
    let cpus = core::iter::once(cpu);
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        if is_control {
            begin();
            means.raise_one_by_one(here);
        } else {
            means.raise_together(begin, here);
        }
    })?;
    let since_ns = since_ns.load(Relaxed);
    let timers = if is_control || cfg!(CONFIG_PREEMPT_RT) {
        &[]
    } else {
        &TIMERS[..]
    };
    let wanted = || [timers, OTHERS].into_iter().flatten().copied();
    // A thread may have to come to serve them.
    let mut testimony = witness.testimony()?;
    for _ in 0..PAUSES {
        if wanted().all(|vector| testimony.service(cpu, since_ns, vector).is_some()) {
            break;
        }
        trial.settle();
        testimony = witness.testimony()?;
    }
    let mut services = KVec::new();
    for vector in wanted() {
        // A CPU that is late has no tick meanwhile, and no timer.
        let Some(service) = testimony.service(cpu, since_ns, vector) else {
            return Ok(None);
        };
        services.push((vector, service), GFP_KERNEL)?;
    }
    // Times of a clock that stands still do not tell, and another round would not either.
    let is_shown = is_control
        || !clock::is_steady()
        || were_pending_together(&services) && is_one_round(&services, &testimony, cpu);
    Ok(is_shown.then_some(services))
}

/// How often to look for those that a thread serves.
const PAUSES: u32 = 20;

/// Whether all were raised before the first was entered.
fn were_pending_together(services: &Services) -> bool {
    let raised = services
        .iter()
        .map(|(_, service)| service.raised.at.stamp_ns);
    let entered = services
        .iter()
        .map(|(_, service)| service.entered.at.stamp_ns);
    raised.max() < entered.min()
}

/// Whether none was raised again between the first entry and the last.
fn is_one_round(services: &Services, testimony: &Testimony, cpu: CpuId) -> bool {
    let entered = || {
        services
            .iter()
            .map(|(_, service)| service.entered.at.stamp_ns)
    };
    let (Some(first), Some(last)) = (entered().min(), entered().max()) else {
        return false;
    };
    let is_raise = |noted: &Noted| matches!(noted.event, Event::Raised(_));
    let mut during = testimony
        .on(cpu, first)
        .take_while(|noted| noted.at.stamp_ns <= last);
    !during.any(|noted| is_raise(&noted))
}

/// Whether the stamps of what has one executor are in the order of the vectors.
fn is_ascending(services: &[(Vector, Service)], which: impl Fn(&Service) -> Noted) -> bool {
    services.iter().all(|(vector, service)| {
        services.iter().all(|(other_vector, other)| {
            service.executor != other.executor
                || vector >= other_vector
                || which(service).at.stamp_ns < which(other).at.stamp_ns
        })
    })
}

/// The soft IRQs in the order of one of their stamps, each with its executor where
/// that changes.
fn in_order(services: &[(Vector, Service)], which: impl Fn(&Service) -> Noted) -> Result<Text> {
    let mut text = Text::new();
    let (mut last_ns, mut last_executor) = (None, None);
    for _ in services {
        let stamps = services
            .iter()
            .map(|(vector, service)| (which(service).at.stamp_ns, *vector, service.executor));
        let next = stamps
            .filter(|(stamp_ns, ..)| Some(*stamp_ns) > last_ns)
            .min_by_key(|(stamp_ns, ..)| *stamp_ns);
        let Some((stamp_ns, vector, executor)) = next else {
            break;
        };
        let separator = if last_ns.is_some() { ", " } else { "" };
        emit!(&mut text, "{}{}", separator, vector)?;
        if last_executor != Some(executor) {
            emit!(&mut text, " (by {})", executor)?;
        }
        (last_ns, last_executor) = (Some(stamp_ns), Some(executor));
    }
    Ok(text)
}
