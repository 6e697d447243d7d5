// SPDX-License-Identifier: GPL-2.0

//! SIRQ-03: pending soft IRQs run in the order of their bits.
//!
//! They are raised the other way round, while none can run. Where threads are
//! forced (PREEMPT_RT, threadirqs) timers have a thread of their own with a mask of
//! its own: the order is that among those with the same executor.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    refusal::Answer,
    tape::Noted,
    witness::{
        Service,
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
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed,
        Release, //
    },
};

pub(super) const CLAIM: Claim = Claim {
    id: "SIRQ-03",
    text: "pending soft IRQs run in the order of their bits",
    control: "each has run before the next is raised",
    run,
};

/// What is raised, in this order: the timers by the clock, the others one by one.
const TIMERS: [Vector; 2] = [Vector::HrTimer, Vector::Timer];
const OTHERS: &[Vector] = &[
    Vector::Tasklet,
    #[cfg(CONFIG_IRQ_POLL)]
    Vector::IrqPoll,
    Vector::Hi,
];

struct Nothing;

impl tasklet::Handler for Nothing {
    fn run(_this: &Tasklet<Self>, _softirq: &SoftIrq) {}
}

impl timer::Handler for Nothing {
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

impl hrtimer::Handler for Nothing {
    type Context = SoftIrq;

    fn run(_this: &HrTimer<Self>, _softirq: &SoftIrq) {}
}

struct Means {
    hrtimer: Pin<KBox<HrTimer<Nothing>>>,
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
        }
    }

    fn raise_together(&self, here: &Here<'_>) {
        if cfg!(CONFIG_PREEMPT_RT) {
            let _guard = local_interrupt_disable();
            OTHERS.iter().for_each(|vector| self.raise(*vector));
        } else {
            let _guard = BottomHalvesDisabled::new(here.task);
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

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let means = Means::new()?;
    let since_ns = Atomic::new(0);
    let witness = Witness::new()?;
    let is_control = trial.is_control();
    let cpu = CpuId::current();
    let cpus = core::iter::once(cpu);
    cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
        since_ns.store(clock::now_ns(), Release);
        if is_control {
            means.raise_one_by_one(here);
        } else {
            means.raise_together(here);
        }
    })?;
    trial.settle();
    let testimony = witness.testimony()?;
    let service = |vector: &Vector| testimony.service(cpu, since_ns.load(Relaxed), *vector);
    let timers = if is_control || cfg!(CONFIG_PREEMPT_RT) {
        &[]
    } else {
        &TIMERS[..]
    };
    let mut services = KVec::new();
    for vector in [timers, OTHERS].into_iter().flatten() {
        match service(vector) {
            Some(service) => services.push((*vector, service), GFP_KERNEL)?,
            None => return judge!(false, "{} was not raised, or not served", vector),
        }
    }
    let last_raised_ns = services.iter().map(|(_, s)| s.raised.at.stamp_ns).max();
    let was_pending =
        |(_, service): &(Vector, Service)| Some(service.entered.at.stamp_ns) > last_raised_ns;
    judge!(
        is_ascending(&services, |service| service.entered)
            && !is_ascending(&services, |service| service.raised)
            && services.iter().all(was_pending),
        "raised on CPU {}: {}; entered: {}",
        cpu.as_u32(),
        in_order(&services, |service| service.raised)?,
        in_order(&services, |service| service.entered)?
    )
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
