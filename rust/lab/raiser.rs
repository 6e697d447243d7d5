// SPDX-License-Identifier: GPL-2.0

//! Raisers: a soft IRQ raised from wherever an experiment wants it.
//!
//! Modules cannot raise one as such. But scheduling a tasklet of high priority
//! raises `HI`, which hardly anybody else uses.

use crate::runs::Runs;
use irqlab::{
    clock,
    context::HardIrq,
    hrtimer::{
        self,
        HrTimer, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
    softirq::Vector,
    tasklet::Tasklet,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

/// The soft IRQ that raisers raise.
pub(crate) const VECTOR: Vector = Vector::Hi;

/// A tasklet that only counts, and what schedules it in a hard IRQ.
pub(crate) struct Raiser {
    // First those that schedule the tasklet.
    irq_work: Pin<KBox<IrqWork<Scheduler>>>,
    hrtimer: Pin<KBox<HrTimer<Scheduler>>>,
    tasklet: Arc<Tasklet<Runs>>,
}

/// Schedules the tasklet, and notes whether it runs before this ends.
struct Scheduler {
    tasklet: Arc<Tasklet<Runs>>,
    is_done: Atomic<bool>,
    runs_inside: Atomic<u64>,
}

impl Scheduler {
    fn new(tasklet: &Arc<Tasklet<Runs>>) -> Self {
        Self {
            tasklet: tasklet.clone(),
            is_done: Atomic::new(false),
            runs_inside: Atomic::new(0),
        }
    }

    fn run(&self) {
        const INSIDE_NS: u64 = 10_000;

        let before = self.tasklet.count();
        self.tasklet.schedule_hi();
        clock::spin_ns(INSIDE_NS);
        let runs = self.tasklet.count().wrapping_sub(before);
        self.runs_inside.add(runs, Relaxed);
        self.is_done.store(true, Release);
    }
}

impl irq_work::Handler<irq_work::Kind<Now>> for Scheduler {
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        (**this).run();
    }
}

impl hrtimer::Handler<hrtimer::Kind<HardIrq>> for Scheduler {
    fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
        (**this).run();
    }
}

impl Raiser {
    pub(crate) fn new() -> Result<Self> {
        let tasklet = Arc::pin_init(Tasklet::new(Ok(Runs::new())), GFP_KERNEL)?;
        let irq_work = IrqWork::new(Ok(Scheduler::new(&tasklet)));
        let hrtimer = HrTimer::new(Ok(Scheduler::new(&tasklet)));
        Ok(Self {
            irq_work: KBox::pin_init(irq_work, GFP_KERNEL)?,
            hrtimer: KBox::pin_init(hrtimer, GFP_KERNEL)?,
            tasklet,
        })
    }

    /// How often the soft IRQ has run the tasklet.
    pub(crate) fn runs(&self) -> u64 {
        self.tasklet.count()
    }

    /// Raises it here and now.
    pub(crate) fn raise(&self) {
        self.tasklet.schedule_hi();
    }

    /// Raises it in the interrupt that the CPU sends itself. Interrupts are on.
    /// Returns how often the tasklet ran while the handler did, or nothing if the
    /// interrupt does not come.
    pub(crate) fn raise_in_irq_work(&self) -> Option<u64> {
        const PATIENCE_NS: u64 = 20_000_000;

        self.irq_work.is_done.store(false, Relaxed);
        self.irq_work.queue();
        clock::spin_until(PATIENCE_NS, || self.irq_work.is_done.load(Relaxed))
            .then(|| self.irq_work.runs_inside.xchg(0, Relaxed))
    }

    /// Raises it in the next interrupt of the CPU's timer, which comes at once.
    pub(crate) fn raise_in_timer_irq(&self) {
        const SOON_NS: i64 = 100_000;

        self.hrtimer.start(SOON_NS);
    }
}
