// SPDX-License-Identifier: GPL-2.0

//! High-resolution timers in soft IRQ context wait for the next tick: it is often said.
//!
//! Two timers are to run four times in a tick, one in hard and one in soft IRQ context. Where they
//! have to wait for a tick, the time from one expiry to the next is that of a tick. In the control
//! an ordinary timer passes for the one in soft IRQ context.

use super::expiries::{
    median,
    Expiries,
    MAX_EXPIRIES, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    clock,
    context::{
        HardIrq,
        SoftIrq, //
    },
    cpu::CpuId,
    hrtimer::{
        self,
        HrTimer, //
    },
    new_timer, smp,
    timer::{
        self,
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
    quote: "(beyond the text)",
    section: "Interrupts Handling",
    today: "since Linux 4.16 such timers can ask for the soft IRQ: the timer's interrupt comes when the first of them is due and raises HRTIMER, whatever the tick; only without high resolution (highres=off) all wait for it",
    functions: "hrtimer_interrupt(), hrtimer_run_softirq(), hrtimer_update_softirq_timer()",
    control: "an ordinary timer passes for the one in soft IRQ context",
    next: "echo line=sim0 mechanisms=hrtimer_hard,hrtimer_soft,timer > bench; cat bench",
}

/// How often each timer runs.
const RUNS: usize = 12;
const _: () = assert!(RUNS <= MAX_EXPIRIES);

/// A timer that runs again after `period_ns`, and notes how often it has.
struct Periodic<C> {
    period_ns: u64,
    due_ns: Atomic<u64>,
    runs: Atomic<usize>,
    _context: core::marker::PhantomData<fn(&C)>,
}

impl<C> Periodic<C> {
    fn new(period_ns: u64) -> Self {
        Self {
            period_ns,
            due_ns: Atomic::new(0),
            runs: Atomic::new(0),
            _context: core::marker::PhantomData,
        }
    }

    /// How long from now the next run is due, if there is one.
    fn next_ns(&self) -> Option<u64> {
        let runs = self.runs.load(Relaxed) + 1;
        let now_ns = clock::now_ns();
        let due_ns = self.due_ns.load(Relaxed) + self.period_ns;
        self.due_ns.store(due_ns, Relaxed);
        self.runs.store(runs, Release);
        (runs < RUNS).then(|| due_ns.saturating_sub(now_ns).max(1))
    }

    fn begin(&self) -> u64 {
        self.due_ns.store(clock::now_ns() + self.period_ns, Relaxed);
        self.period_ns
    }

    fn is_done(&self) -> bool {
        self.runs.load(Acquire) >= RUNS
    }
}

macro_rules! run_again {
    ($($context:ty),*) => {$(
        impl hrtimer::Handler<hrtimer::Kind<$context>> for Periodic<$context> {
            fn run(this: &HrTimer<Self, $context>, _context: &$context) {
                if let Some(ns) = this.next_ns() {
                    this.start(ns as i64);
                }
            }
        }
    )*};
}
run_again!(HardIrq, SoftIrq);

impl timer::Handler<timer::Kind> for Periodic<SoftIrq> {
    fn run(this: &Timer<Self>, _softirq: &SoftIrq) {
        if this.next_ns().is_some() {
            this.start(0);
        }
    }
}

/// How often a timer expired, by the kernel's tracepoint, and the middle of the times from
/// one expiry to the next.
struct Seen {
    nr_expiries: usize,
    median_ns: u64,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.judge_by_clock();
    let (tick_ns, cpu) = (clock::tick_ns(), CpuId::current());
    let period_ns = tick_ns / 4;
    let hard = HrTimer::new(Ok::<_, Error>(Periodic::<HardIrq>::new(period_ns)));
    let hard = KBox::pin_init(hard, GFP_KERNEL)?;
    let soft = HrTimer::new(Ok::<_, Error>(Periodic::<SoftIrq>::new(period_ns)));
    let soft = KBox::pin_init(soft, GFP_KERNEL)?;
    let plain = new_timer!(Ok::<_, Error>(Periodic::<SoftIrq>::new(period_ns)));
    let plain = KBox::pin_init(plain, GFP_KERNEL)?;
    let expiries = Expiries::of([hard.id(), soft.id(), plain.id()].into_iter())?;

    smp::call_on(cpu, trial.task, |_off| hard.start(hard.begin() as i64))?;
    trial.come("a timer", || hard.is_done())?;
    if trial.is_control() {
        smp::call_on(cpu, trial.task, |_off| {
            plain.begin();
            plain.start(0);
        })?;
        trial.come("a timer", || plain.is_done())?;
    } else {
        smp::call_on(cpu, trial.task, |_off| soft.start(soft.begin() as i64))?;
        trial.come("a timer", || soft.is_done())?;
    }
    let seen = |timer: usize| -> Answer<Seen> {
        let expiries = expiries.get(timer)?;
        let mut times = KVec::new();
        for pair in expiries.windows(2) {
            times.push(
                pair[1].stamp_ns.saturating_sub(pair[0].stamp_ns),
                GFP_KERNEL,
            )?;
        }
        Ok(Seen {
            nr_expiries: expiries.len(),
            median_ns: median(&mut times).unwrap_or(0),
        })
    };
    let (hard, soft) = (seen(hard.id())?, seen(trial.pick(soft.id(), plain.id()))?);
    let is = |seen: &Seen, ns: u64| seen.median_ns.abs_diff(ns) < ns / 4;

    evidence.note(fmt!(
        "a tick takes {} us, the timers are to run every {} us",
        tick_ns / 1000,
        period_ns / 1000
    ))?;
    evidence.check(
        hard.nr_expiries == RUNS,
        fmt!(
            "in hard IRQ context, by the kernel's tracepoint: {} expiries, from one to the next {} us",
            hard.nr_expiries,
            hard.median_ns / 1000
        ),
    )?;
    evidence.check(
        soft.nr_expiries == RUNS,
        fmt!(
            "{}: {} expiries, from one to the next {} us",
            trial.pick("in soft IRQ context", "an ordinary timer"),
            soft.nr_expiries,
            soft.median_ns / 1000
        ),
    )?;
    let resolution_ns = hrtimer::resolution_ns();
    evidence.note(fmt!("the resolution is {resolution_ns} ns"))?;
    let waits_for_tick = is(&soft, tick_ns);
    if waits_for_tick && u64::from(resolution_ns) >= tick_ns {
        if trial.is_control() {
            skip!("without high resolution all timers wait for the tick");
        }
        return evidence.holds();
    }
    if !is(&hard, period_ns) || !(waits_for_tick || is(&soft, period_ns)) {
        skip!(
            Busy: "every {} us were asked for, and {} and {} us it took",
            period_ns / 1000,
            hard.median_ns / 1000,
            soft.median_ns / 1000
        );
    }
    // Not in the control: it is about whether that is noticed.
    if waits_for_tick && !trial.is_control() {
        return evidence.holds();
    }
    evidence.check(
        !waits_for_tick,
        fmt!(
            "{} the tick",
            if waits_for_tick {
                "it waits for"
            } else {
                "it does not wait for"
            }
        ),
    )?;
    evidence.outdated()
}
