// SPDX-License-Identifier: GPL-2.0

//! What a handler is told of the run that it is in, and how it sleeps.

use super::{
    level::Level,
    wakeup::Wakeup, //
};
use crate::{
    context::HardIrq,
    hrtimer::{
        self,
        HrTimer, //
    }, //
};
use core::{
    future::Future,
    task::{
        Context,
        Poll, //
    }, //
};
use kernel::{
    cpu::CpuId,
    prelude::*,
    sync::Arc,
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};

/// One run of a handler.
///
/// ```
/// # use irqlab::interrupt_thread::{Handler, Handlers, InterruptThreads, InThread, Level, Run};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Slow {
///     is_done: Atomic<bool>,
/// }
///
/// impl Handler for Slow {
///     async fn serve(this: Arc<Self>, run: Run) {
///         pr_info!("level {} on CPU {}\n", run.level().number(), run.cpu().as_u32());
///         let elsewhere: InThread = run.in_thread();
///         elsewhere.await;
///         // In the level's thread.
///         this.is_done.store(true, Relaxed);
///     }
/// }
///
/// # let slow = Arc::new(Slow { is_done: Atomic::new(false) }, GFP_KERNEL)?;
/// # let level = Level::new(5).ok_or(EINVAL)?;
/// # let threads = InterruptThreads::new(Handlers::new().thread(level, slow.clone())?, task)?;
/// threads.raise(level)?;
/// # eventually!(task, slow.is_done.load(Relaxed));
/// // A moment later:
/// assert!(slow.is_done.load(Relaxed));
/// ```
pub struct Run {
    cpu: CpuId,
    level: Level,
    alarm: Arc<HrTimer<Alarm>>,
}

impl Run {
    pub(super) fn new(cpu: CpuId, level: Level, alarm: Arc<HrTimer<Alarm>>) -> Self {
        Self { cpu, level, alarm }
    }

    /// The CPU that was interrupted. All of the run is on it, unless that goes offline meanwhile.
    pub fn cpu(&self) -> CpuId {
        self.cpu
    }

    /// The level that is masked there until the run ends.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Blocks for no time: what follows runs in the kernel thread.
    pub fn in_thread(&self) -> InThread {
        InThread { has_blocked: false }
    }

    /// Blocks for at least `us` microseconds.
    ///
    /// To be awaited in this run only, as it is the run's thread that is woken; and one at a time, as
    /// a run has one alarm, which the next sleep sets anew.
    pub fn sleep_us(&self, us: u32) -> Sleep<'_> {
        Sleep {
            alarm: &self.alarm,
            until: Instant::now() + Delta::from_micros(i64::from(us)),
        }
    }
}

/// What [`Run::in_thread`] awaits.
#[must_use = "it does not block before it is awaited"]
pub struct InThread {
    has_blocked: bool,
}

impl Future for InThread {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if core::mem::replace(&mut self.has_blocked, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What [`Run::sleep_us`] awaits.
#[must_use = "it does not sleep before it is awaited"]
pub struct Sleep<'a> {
    alarm: &'a HrTimer<Alarm>,
    until: Instant<Monotonic>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        let left = self.until - Instant::now();
        if left.is_zero() || left.is_negative() {
            return Poll::Ready(());
        }
        self.alarm.start(left.as_nanos());
        Poll::Pending
    }
}

/// Wakes the thread when the time is up.
pub(super) struct Alarm(pub(super) Arc<Wakeup>);

impl hrtimer::Handler<hrtimer::Kind<HardIrq>> for Alarm {
    fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
        this.0.wake();
    }
}
