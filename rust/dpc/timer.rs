// SPDX-License-Identifier: GPL-2.0

//! Timers that insert a DPC when their time has come.

use super::{
    entry::Arguments,
    object::{
        Dpc,
        Handler, //
    },
};
use crate::{
    clock,
    context::HardIrq,
    hrtimer::{
        self,
        HrTimer, //
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
};

/// A timer with a DPC, which gets the time as its first argument. Dropping it stops it; what
/// it has inserted stays inserted.
///
/// ```
/// # use irqlab::{context::SoftIrq, dpc::{Arguments, Dpc, Handler, Ordinary, System, Timer}};
/// # use kernel::{prelude::*, sync::Arc};
/// struct Poll;
///
/// impl Handler for Poll {
///     type Kind = Ordinary;
///
///     fn run(_this: &Dpc<Self>, _arguments: Arguments, _softirq: &SoftIrq) {}
/// }
///
/// fn poll_each_ms(system: &Arc<System>) -> Result<Pin<KBox<Timer<Poll>>>> {
///     let dpc = Arc::pin_init(Dpc::new(system, Ok::<_, Error>(Poll)), GFP_KERNEL)?;
///     let timer = KBox::pin_init(Timer::new(dpc), GFP_KERNEL)?;
///     timer.start(1_000_000, Some(1_000_000));
///     Ok(timer)
/// }
/// ```
#[pin_data]
pub struct Timer<T: Handler> {
    #[pin]
    hrtimer: HrTimer<Expiry<T>>,
}

struct Expiry<T: Handler> {
    dpc: Arc<Dpc<T>>,
    is_set: Atomic<bool>,
    due_ns: Atomic<u64>,
    /// 0: it expires once.
    period_ns: Atomic<u64>,
}

impl<T: Handler> Timer<T> {
    /// An initialiser for a timer that is not set: `KeInitializeTimer`.
    pub fn new(dpc: Arc<Dpc<T>>) -> impl PinInit<Self, Error> {
        let expiry = Expiry {
            dpc,
            is_set: Atomic::new(false),
            due_ns: Atomic::new(0),
            period_ns: Atomic::new(0),
        };
        try_pin_init!(Self {
            hrtimer <- HrTimer::new(Ok(expiry)),
        }? Error)
    }

    /// Has the DPC inserted after `delay_ns` nanoseconds, and then once each `period_ns`:
    /// `KeSetTimer`, `KeSetTimerEx`. Returns whether the timer was set already, and so only
    /// moved. May be called in any context but NMI.
    pub fn start(&self, delay_ns: u32, period_ns: Option<u32>) -> bool {
        let expiry = &*self.hrtimer;
        expiry
            .period_ns
            .store(period_ns.map_or(0, u64::from), Relaxed);
        let due_ns = clock::now_ns().saturating_add(u64::from(delay_ns));
        expiry.due_ns.store(due_ns, Relaxed);
        let was_set = expiry.is_set.xchg(true, Full);
        self.hrtimer.start(i64::from(delay_ns));
        was_set
    }

    /// Stops the timer: `KeCancelTimer`. Returns whether it was set. The DPC may be in a queue
    /// all the same; `Dpc::remove` takes it out. May be called in any context but NMI.
    pub fn cancel(&self) -> bool {
        self.hrtimer.is_set.xchg(false, Full)
    }

    /// The DPC.
    pub fn dpc(&self) -> &Arc<Dpc<T>> {
        &self.hrtimer.dpc
    }
}

impl<T: Handler> hrtimer::Handler for Expiry<T> {
    type Context = HardIrq;

    fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
        let now_ns = clock::now_ns();
        let early_ns = this.due_ns.load(Acquire).saturating_sub(now_ns);
        if early_ns > 0 {
            // Set anew just now; or the clocks of timers and of time stamps disagree.
            this.start(early_ns as i64);
            return;
        }
        if !this.is_set.xchg(false, Full) {
            // Cancelled.
            return;
        }
        let period_ns = this.period_ns.load(Relaxed);
        if period_ns > 0 {
            this.due_ns.store(now_ns.saturating_add(period_ns), Release);
            this.is_set.store(true, Release);
            this.start(period_ns as i64);
        }
        this.dpc.insert(Arguments(now_ns as usize, 0));
    }
}
