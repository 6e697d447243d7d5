// SPDX-License-Identifier: GPL-2.0

//! Timers are coarse, high-resolution timers exact; neither expires early.
//!
//! Of both kinds several are started, each for two ticks and each pair in its own part of a tick.
//! Timers expire in a tick, so that one is the later the less of the current tick has passed when it
//! is started. In the control high-resolution timers pass for timers.

use super::expiries::Expiries;
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
    cpu::{
        self,
        CpuId, //
    },
    hrtimer::{
        self,
        HrTimer, //
    },
    interrupt::local_interrupt_disable,
    new_timer,
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
    today: "so: since Linux 4.8 timers are kept in lists of one tick, and of 8, 64, … ticks for longer delays, that expire as a whole; high-resolution timers, since Linux 2.6.16, in a tree by their nanosecond",
    functions: "calc_wheel_index(), run_timer_softirq(), hrtimer_interrupt()",
    control: "high-resolution timers pass for timers",
    next: "echo line=sim0 mechanisms=timer,hrtimer_hard > bench; cat bench",
}

/// How many of each kind, and for how many ticks.
const TIMERS: usize = 8;
const DELAY: usize = 2;

/// How often a pair waits for its part of a tick.
const MAX_TRIES: usize = 16;

/// Notes that it has run; the handler of both kinds.
struct Rings(Atomic<bool>);

impl Rings {
    fn has_run(&self) -> bool {
        self.0.load(Acquire)
    }
}

impl timer::Handler<timer::Kind> for Rings {
    fn run(this: &Timer<Self>, _softirq: &SoftIrq) {
        this.0.store(true, Release);
    }
}

impl hrtimer::Handler<hrtimer::Kind<HardIrq>> for Rings {
    fn run(this: &HrTimer<Self>, _irq: &HardIrq) {
        this.0.store(true, Release);
    }
}

/// One of each kind, and when they were started.
struct Pair {
    timer: Pin<KBox<Timer<Rings>>>,
    hrtimer: Pin<KBox<HrTimer<Rings>>>,
    start_ns: Atomic<u64>,
    start_ticks: Atomic<usize>,
}

impl Pair {
    /// Starts both in this part of a tick, by the clock; returns whether they were. The first part
    /// begins anywhere in the kernel's tick, the same for all pairs.
    fn start_in(&self, part: u64, tick_ns: u64) -> bool {
        let is_in = |now_ns: u64| now_ns % tick_ns * TIMERS as u64 / tick_ns == part;
        for _ in 0..MAX_TRIES {
            // Where the host stops this CPU here, the part is over; it comes again.
            let deadline_ns = clock::now_ns() + 2 * tick_ns;
            while !is_in(clock::now_ns()) && clock::now_ns() < deadline_ns {
                core::hint::spin_loop();
            }
            let _off = local_interrupt_disable();
            let start_ns = clock::now_ns();
            if !is_in(start_ns) {
                continue;
            }
            self.start_ns.store(start_ns, Relaxed);
            self.start_ticks.store(clock::ticks(), Relaxed);
            self.timer.start(DELAY);
            self.hrtimer.start((DELAY as u64 * tick_ns) as i64);
            return is_in(clock::now_ns());
        }
        false
    }
}

/// How late the timers of one kind were.
struct Lateness {
    nr_early: usize,
    /// The second least and the second most of all: one may be disturbed. Below 0 by the clock, if the
    /// tick in which it was started came late.
    low_us: i64,
    high_us: i64,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.judge_by_clock();
    let tick_ns = clock::tick_ns();
    if u64::from(hrtimer::resolution_ns()) >= tick_ns {
        skip!("high-resolution timers are off here (highres=off): they are as coarse as others");
    }
    let mut pairs = KVec::new();
    for _ in 0..TIMERS {
        let rings = || Ok::<_, Error>(Rings(Atomic::new(false)));
        let pair = Pair {
            timer: KBox::pin_init(new_timer!(rings()), GFP_KERNEL)?,
            hrtimer: KBox::pin_init(HrTimer::new(rings()), GFP_KERNEL)?,
            start_ns: Atomic::new(0),
            start_ticks: Atomic::new(0),
        };
        pairs.push(pair, GFP_KERNEL)?;
    }
    let ids = |pair: &Pair| [pair.timer.id(), pair.hrtimer.id()];
    let expiries = Expiries::of(pairs.iter().flat_map(ids))?;
    let delay_ns = DELAY as u64 * tick_ns;
    let here = core::iter::once(CpuId::current());
    let nr_in_time = Atomic::new(0);
    cpu::run_on(&trial.lab().workers, here, trial.task, |_here| {
        for (part, pair) in (0..).zip(&pairs) {
            nr_in_time.add(usize::from(pair.start_in(part, tick_ns)), Relaxed);
        }
    })?;
    if nr_in_time.load(Relaxed) + 1 < TIMERS {
        skip!(
            Busy: "{} of {TIMERS} pairs were started in their part of a tick",
            nr_in_time.load(Relaxed)
        );
    }
    let have_run = |pair: &Pair| pair.timer.has_run() && pair.hrtimer.has_run();
    trial.come("a timer", || pairs.iter().all(have_run))?;

    let lateness = |is_exact: bool| -> Answer<Lateness> {
        let (mut late_us, mut nr_early) = (KVec::new(), 0);
        for pair in &pairs {
            let [timer, hrtimer] = ids(pair);
            let id = if is_exact { hrtimer } else { timer };
            let expiries = expiries.get(id)?;
            let Some(expiry) = expiries.first() else {
                continue;
            };
            // A timer's delay is one in ticks; a high-resolution timer is allowed a hundredth of its
            // own, as its clock is another.
            let ticks = expiry.ticks.wrapping_sub(pair.start_ticks.load(Relaxed));
            let ns = expiry.stamp_ns.saturating_sub(pair.start_ns.load(Relaxed));
            let is_early = if is_exact {
                ns + delay_ns / 100 < delay_ns
            } else {
                ticks < DELAY
            };
            nr_early += usize::from(is_early);
            late_us.push((ns as i64 - delay_ns as i64) / 1000, GFP_KERNEL)?;
        }
        if late_us.len() < TIMERS {
            skip!(
                Missed: "{} of {TIMERS} timers were seen to expire",
                late_us.len()
            );
        }
        late_us.sort_unstable();
        Ok(Lateness {
            nr_early,
            low_us: late_us[1],
            high_us: late_us[TIMERS - 2],
        })
    };
    let (coarse, exact) = (lateness(trial.is_control())?, lateness(true)?);
    let tick_us = (tick_ns / 1000) as i64;
    if exact.high_us > tick_us / 8 {
        skip!(
            Busy: "high-resolution timers were {} us late",
            exact.high_us
        );
    }

    evidence.note(fmt!(
        "{TIMERS} of each kind, started in as many parts of a tick of {tick_us} us, each for {DELAY} ticks"
    ))?;
    evidence.check(
        coarse.high_us - coarse.low_us > tick_us / 4,
        fmt!(
            "timers{}, by the kernel's {}: {} to {} us late, but for the least and the most",
            trial.pick("", " of high resolution"),
            trial.pick("timer_expire_entry", "hrtimer_expire_entry"),
            coarse.low_us,
            coarse.high_us
        ),
    )?;
    evidence.note(fmt!(
        "high-resolution timers, by its hrtimer_expire_entry: {} to {} us late, but for these",
        exact.low_us,
        exact.high_us
    ))?;
    let nr_early = coarse.nr_early + exact.nr_early;
    evidence.check(nr_early == 0, fmt!("early: {nr_early}"))?;
    evidence.holds()
}
