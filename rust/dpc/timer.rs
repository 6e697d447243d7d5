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
    nmi,
    raw_spinlock::RawSpinLock, //
};
use kernel::{
    prelude::*,
    static_lock_class,
    str::CStr,
    sync::{
        Arc,
        LockClassKey, //
    },
};

/// A timer with a DPC, which gets the time as its first argument. Dropping it stops it; what
/// it has inserted stays inserted.
///
/// ```
/// # use irqlab::{context::SoftIrq, dpc::{Arguments, Dpc, Handler, Ordinary, System, Timer}};
/// # use irqlab::completion::{Completion, Waited};
/// # use kernel::{prelude::*, sync::Arc};
/// struct Poll(Arc<Completion>);
///
/// impl Handler for Poll {
///     type Kind = Ordinary;
///
///     fn run(this: &Dpc<Self>, _arguments: Arguments, _softirq: &SoftIrq) {
///         this.0.complete();
///     }
/// }
///
/// let system = System::new()?;
/// let polled = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
/// let dpc = Arc::pin_init(Dpc::new(&system, Ok::<_, Error>(Poll(polled.clone()))), GFP_KERNEL)?;
/// let timer = KBox::pin_init(Timer::new(dpc), GFP_KERNEL)?;
/// // Each millisecond.
/// timer.start(1_000_000, Some(1_000_000));
/// for _ in 0..3 {
///     assert_eq!(polled.wait_ms(task, 60_000), Waited::Completed);
/// }
/// ```
#[pin_data]
pub struct Timer<T: Handler> {
    #[pin]
    hrtimer: HrTimer<Expiry<T>>,
}

#[pin_data]
struct Expiry<T: Handler> {
    dpc: Arc<Dpc<T>>,
    // Held while the high-resolution timer is started, so that what is set here and when that
    // expires agree.
    #[pin]
    setting: RawSpinLock<Setting>,
}

/// What the timer is set to.
#[derive(Default)]
struct Setting {
    is_set: bool,
    due_ns: u64,
    /// 0: it expires once.
    period_ns: u64,
}

/// The class of the setting's lock. Not in a generic function: each crate that has a copy of
/// it would give the same class another name.
#[inline(never)]
fn lock_class() -> (&'static CStr, Pin<&'static LockClassKey>) {
    (c"dpc::Timer", static_lock_class!())
}

impl<T: Handler> Timer<T> {
    /// The shortest period: a shorter one would leave the CPU no time for anything else.
    pub const MIN_PERIOD_NS: u32 = 100_000;

    /// An initialiser for a timer that is not set: `KeInitializeTimer`.
    pub fn new(dpc: Arc<Dpc<T>>) -> impl PinInit<Self, Error> {
        let (name, key) = lock_class();
        let expiry = try_pin_init!(Expiry {
            dpc,
            setting <- RawSpinLock::new(Setting::default(), name, key),
        }? Error);
        try_pin_init!(Self {
            hrtimer <- HrTimer::new(expiry),
        }? Error)
    }

    /// Has the DPC inserted after `delay_ns` nanoseconds, and then once each `period_ns`, or
    /// each [`MIN_PERIOD_NS`](Self::MIN_PERIOD_NS) if that is longer: `KeSetTimer`,
    /// `KeSetTimerEx`. Returns whether the timer was set already, and so only moved. May be
    /// called in any context but an NMI, where it is refused.
    pub fn start(&self, delay_ns: u32, period_ns: Option<u32>) -> bool {
        if nmi::is_refused() {
            return false;
        }
        self.hrtimer.setting.with(|setting, _off| {
            let was_set = setting.is_set;
            *setting = Setting {
                is_set: true,
                due_ns: clock::now_ns().saturating_add(delay_ns.into()),
                period_ns: period_ns.map_or(0, |ns| ns.max(Self::MIN_PERIOD_NS).into()),
            };
            self.hrtimer.start(delay_ns.into());
            was_set
        })
    }

    /// Stops the timer: `KeCancelTimer`. Returns whether it was set. From then on it inserts
    /// nothing. The DPC may be in a queue all the same; `Dpc::remove` takes it out. May be
    /// called in any context but NMI.
    ///
    /// ```
    /// # use irqlab::{context::SoftIrq, dpc::{Arguments, Dpc, Handler, Ordinary, System, Timer}};
    /// # use kernel::{prelude::*, sync::Arc};
    /// # struct Quiet;
    /// # impl Handler for Quiet {
    /// #     type Kind = Ordinary;
    /// #     fn run(_this: &Dpc<Self>, _arguments: Arguments, _softirq: &SoftIrq) {}
    /// # }
    /// /// Its DPC does not run any more, unless it has begun.
    /// fn stop<T: Handler>(timer: &Timer<T>) {
    ///     timer.cancel();
    ///     timer.dpc().remove();
    /// }
    ///
    /// # let dpc = Arc::pin_init(Dpc::new(&System::new()?, Ok::<_, Error>(Quiet)), GFP_KERNEL)?;
    /// # let timer = KBox::pin_init(Timer::new(dpc), GFP_KERNEL)?;
    /// timer.start(4_000_000_000, None);
    /// stop(&timer);
    /// assert!(!timer.cancel());
    /// ```
    pub fn cancel(&self) -> bool {
        self.hrtimer
            .setting
            .with(|setting, _off| core::mem::take(setting).is_set)
    }

    /// The DPC.
    pub fn dpc(&self) -> &Arc<Dpc<T>> {
        &self.hrtimer.dpc
    }
}

impl<T: Handler> hrtimer::Handler<hrtimer::Kind<HardIrq>> for Expiry<T> {
    fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
        this.setting.with(|setting, _off| {
            if !setting.is_set {
                // Cancelled.
                return;
            }
            let now_ns = clock::now_ns();
            let early_ns = setting.due_ns.saturating_sub(now_ns);
            if early_ns > 0 {
                // Set anew just now; or the clocks of timers and of time stamps disagree.
                this.start(early_ns as i64);
                return;
            }
            setting.is_set = setting.period_ns > 0;
            if setting.is_set {
                setting.due_ns = now_ns.saturating_add(setting.period_ns);
                this.start(setting.period_ns as i64);
            }
            // With the lock held: after `cancel` has had it nothing is inserted.
            this.dpc.insert(Arguments(now_ns as usize, 0));
        });
    }
}
