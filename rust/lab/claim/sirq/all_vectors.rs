// SPDX-License-Identifier: GPL-2.0

//! All soft IRQs that a module can raise, and what raises each.

use crate::claim::prelude::*;
#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
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
    cpu::Here,
    hrtimer::{
        self,
        HrTimer, //
    },
    interrupt::local_interrupt_disable,
    new_timer,
    softirq::Vector,
    tasklet::{
        self,
        Tasklet, //
    },
    timer::{
        self,
        Timer, //
    },
};

/// What is raised, in this order: the timers by the clock, the others one by one.
pub(super) const TIMERS: [Vector; 2] = [Vector::HrTimer, Vector::Timer];
pub(super) const OTHERS: &[Vector] = &[
    Vector::Tasklet,
    #[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
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

#[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
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

/// What raises each of them.
pub(super) struct Means {
    hrtimer: Pin<KBox<HrTimer<Nothing, SoftIrq>>>,
    timer: Pin<KBox<Timer<Nothing>>>,
    tasklet: Pin<KBox<Tasklet<Nothing>>>,
    #[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
    irq_poll: Pin<KBox<IrqPoll<Nothing>>>,
    tasklet_hi: Pin<KBox<Tasklet<Nothing>>>,
}

impl Means {
    pub(super) fn new() -> Result<Self> {
        let tasklet = || KBox::pin_init(Tasklet::new(Ok::<_, Error>(Nothing)), GFP_KERNEL);
        Ok(Self {
            hrtimer: KBox::pin_init(HrTimer::new(Ok::<_, Error>(Nothing)), GFP_KERNEL)?,
            timer: KBox::pin_init(new_timer!(Ok::<_, Error>(Nothing)), GFP_KERNEL)?,
            tasklet: tasklet()?,
            #[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
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
            #[cfg(all(CONFIG_IRQ_POLL, not(CONFIG_PREEMPT_RT)))]
            Vector::IrqPoll => self.irq_poll.schedule(),
            _ => self.tasklet_hi.schedule_hi(),
        };
    }

    /// Calls `begin` when nothing that is raised is served any more.
    pub(super) fn raise_together(&self, begin: impl Fn(), here: &Here<'_>) {
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

    pub(super) fn raise_one_by_one(&self, here: &Here<'_>) {
        for vector in OTHERS {
            self.raise(*vector);
            here.task.sleep_ms(10);
        }
    }
}
