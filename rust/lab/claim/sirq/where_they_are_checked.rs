// SPDX-License-Identifier: GPL-2.0

//! Soft IRQs run when bottom halves are enabled again, when a hard IRQ ends, and in ksoftirqd.
//!
//! The hard IRQs are those of a timer, of the tick, of IRQ work, and of a call from another CPU.
//! Where threads are forced (PREEMPT_RT, threadirqs) the end of a hard IRQ wakes ksoftirqd instead,
//! or ktimers for what the tick raised.

use super::{
    forced::are_threads_forced,
    origin::Origin, //
};
use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    hold::spin_until,
    raiser::Raiser,
    watch::Event,
    witness::{
        Events,
        Services,
        Witness, //
    },
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
    irq_work, new_timer, smp,
    softirq::Executor,
    timer::{
        self,
        Handler,
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
    quote: "Here’s a list of significant points in the kernel in which the check is done: - when softirqs are enabled on local CPU; - when do_IRQ() finished processing; - after a timer interrupt on LAPIC; - after a CALL_FUNCTION_VECTOR; - when a ksoftirqd/n kernel thread is wakened.",
    section: "SoftIRQs and Tasklets",
    today: "as the text says: the end of any hard IRQ checks. Where threads are forced (PREEMPT_RT, threadirqs) it wakes ksoftirqd instead, or ktimers for timers",
    functions: "__local_bh_enable_ip(), __irq_exit_rcu(), invoke_softirq(), run_ksoftirqd()",
    control: "all are raised in a task, with nothing around",
    next: "echo on > softirqs; sleep 1; cat softirqs; echo off > softirqs",
}

struct Nothing;

impl Handler<timer::Kind> for Nothing {
    fn run(_this: &Timer<Self>, _softirq: &SoftIrq) {}
}

struct Means {
    raiser: Raiser,
    timer: Pin<KBox<Timer<Nothing>>>,
    since_ns: Atomic<u64>,
    /// The CPU that calls has done so, if one was to; and the other one was not waited for in vain.
    has_called: Atomic<bool>,
    has_waited: Atomic<bool>,
}

impl Means {
    fn begin(&self) {
        self.has_called.store(false, Relaxed);
        self.has_waited.store(false, Relaxed);
    }

    /// Whether the CPU was still where it was to be called.
    fn was_in_time(&self) -> bool {
        !self.has_waited.load(Relaxed)
    }

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
            Origin::IrqWork => {
                self.raiser.raise_in_irq_work();
            }
            Origin::Call => {
                // Busy: it takes an interrupt to reach it.
                let is_called = spin_until(|| self.has_called.load(Acquire));
                self.has_waited.store(!is_called, Relaxed);
            }
            Origin::Task => self.raiser.raise(),
        }
        // Two ticks, and some.
        here.task.sleep_ms(10);
    }

    fn call(&self, cpu: CpuId, here: &Here<'_>) {
        let _ = smp::call_on(cpu, here.task, |_off| self.raiser.raise());
        self.has_called.store(true, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if !irq_work::has_interrupt() {
        skip!("without local APICs there are none of these interrupts");
    }
    trial.judge_by_clock();
    let is_forced = are_threads_forced(trial)?;
    let means = Means {
        raiser: Raiser::new()?,
        timer: KBox::pin_init(new_timer!(Ok::<_, Error>(Nothing)), GFP_KERNEL)?,
        since_ns: Atomic::new(0),
        has_called: Atomic::new(false),
        has_waited: Atomic::new(false),
    };
    let cpu = CpuId::current();
    let witness = Witness::on(cpu, |event| {
        let is_raised_here = |origin: &Origin| event.is_of(origin.vector());
        matches!(event, Event::Interrupted(_)) || Origin::ALL.iter().any(is_raised_here)
    })?;
    let caller = cpu::next_online(cpu).filter(|other| *other != cpu);
    for origin in Origin::ALL {
        if origin == Origin::Call && caller.is_none() {
            evidence.note(fmt!("a call by another CPU takes two"))?;
            continue;
        }
        let wanted = origin.server(is_forced);
        let name = origin.name();
        match try_origin(trial, &witness, &means, origin, (cpu, caller), wanted)? {
            Seen::Served(executor) => {
                evidence.check(executor == wanted, fmt!("raised {name}: {executor}"))?
            }
            Seen::Elsewhere => {
                evidence.check(false, fmt!("raised {name}: seen to be raised elsewhere"))?
            }
            Seen::Forestalled if trial.is_control() => {
                evidence.check(false, fmt!("raised {name}: not seen to be raised there"))?
            }
            Seen::Forestalled => {
                skip!(
                    Busy: "others came before what is raised {name} was served"
                )
            }
        }
    }
    if is_forced {
        evidence.outdated()
    } else {
        evidence.holds()
    }
}

/// What was seen of a soft IRQ that was raised at a place.
enum Seen {
    /// Who has served it.
    Served(Executor),
    /// It was raised, but somewhere else, each time.
    Elsewhere,
    /// Somebody else came before it was served.
    Forestalled,
}

/// Raises it until it is served as wanted, or seen to be otherwise. The end of some interrupt may come
/// before, and serve what a task or a section is to: that shows nothing.
fn try_origin(
    trial: &Trial<'_>,
    witness: &Witness,
    means: &Means,
    origin: Origin,
    (cpu, caller): (CpuId, Option<CpuId>),
    wanted: Executor,
) -> Answer<Seen> {
    const TRIES: usize = 5;

    let from = trial.pick(origin, Origin::Task);
    let mut otherwise = None;
    let mut nr_elsewhere = 0;
    for _ in 0..TRIES {
        let caller = caller.filter(|_| from == Origin::Call);
        let cpus = [Some(cpu), caller].into_iter().flatten();
        means.begin();
        cpu::run_on(&trial.lab.workers, cpus, trial.task, |here| {
            if here.cpu == cpu {
                means.raise(from, here);
            } else {
                means.call(cpu, here);
            }
        })?;
        let since_ns = means.since_ns.load(Relaxed);
        let raises = Raises::of(&witness.events()?, cpu, since_ns, origin);
        match raises.executor {
            Some(executor) if executor == wanted => return Ok(Seen::Served(executor)),
            Some(executor) if !forestalls(executor, wanted) => otherwise = Some(executor),
            Some(_) => (),
            // Not one that only came late: what runs has been raised.
            None => nr_elsewhere += usize::from(raises.is_elsewhere && means.was_in_time()),
        }
    }
    Ok(match otherwise {
        Some(executor) => Seen::Served(executor),
        None if nr_elsewhere == TRIES => Seen::Elsewhere,
        None => Seen::Forestalled,
    })
}

/// Whether one may serve what is for the other, as it comes before it: the end of an interrupt comes before
/// that of a section, and both before a thread that has been woken; ktimers comes before ksoftirqd, and
/// serves all that it finds.
const fn forestalls(executor: Executor, wanted: Executor) -> bool {
    match wanted {
        Executor::IrqExit => false,
        Executor::BottomHalfEnable => matches!(executor, Executor::IrqExit),
        _ => matches!(
            executor,
            Executor::IrqExit | Executor::BottomHalfEnable | Executor::Idle | Executor::Ktimers
        ),
    }
}

/// How a soft IRQ was raised in one try.
struct Raises {
    /// Who served the first one that was raised at the place that was meant.
    executor: Option<Executor>,
    /// There were some, and none in the kind of context that was meant.
    is_elsewhere: bool,
}

impl Raises {
    fn of(events: &Events, cpu: CpuId, since_ns: u64, origin: Origin) -> Self {
        let (mut nr_raised, mut nr_like_it) = (0, 0);
        let mut last = None;
        let mut events = events.on(cpu, since_ns);
        while let Some(noted) = events.next() {
            match noted.event {
                Event::Interrupted(system) => last = Some(system),
                Event::Raised(vector) if vector == origin.vector() => {
                    nr_raised += 1;
                    nr_like_it += u32::from(noted.at.kind() == origin.kind());
                    if origin.is_of(&noted.at, last) {
                        let served = Services::after(events, vector).next();
                        return Self {
                            executor: served.map(|(_, executor)| executor),
                            is_elsewhere: false,
                        };
                    }
                }
                _ => (),
            }
        }
        Self {
            executor: None,
            is_elsewhere: nr_raised > 0 && nr_like_it == 0,
        }
    }
}
