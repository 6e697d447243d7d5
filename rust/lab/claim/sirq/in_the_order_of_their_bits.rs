// SPDX-License-Identifier: GPL-2.0

//! Pending soft IRQs run in the order of their bits.
//!
//! They are raised the other way round, while none can run. Where threads are forced (PREEMPT_RT,
//! threadirqs) timers have a thread of their own with a mask of its own: the order is that among
//! those with the same executor.

use super::all_vectors::{
    Means,
    OTHERS,
    TIMERS, //
};
use crate::{
    claim::prelude::*,
    hold::attempt,
    tape::TimedEvent,
    watch::Event,
    witness::{
        Events,
        Service,
        Witness, //
    },
};
use irqlab::{
    clock,
    cpu::{
        self,
        CpuId, //
    },
    emit,
    softirq::Vector,
    text::Text, //
};
use kernel::sync::atomic::{
    Atomic,
    Relaxed,
    Release, //
};

claim! {
    quote: "The __do_softirq() reads the bit mask of the local CPU and executes the deferrable functions corresponding to every set bit.",
    section: "Execution - do_softirq()",
    today: "as the text says, from the lowest bit to the highest; where threads are forced the timers' bits are ktimers' own",
    functions: "handle_softirqs(), ffs()",
    control: "each has run before the next is raised",
    next: "echo on > softirqs; sleep 1; cat softirqs; echo off > softirqs",
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
    let mut events = witness.events()?;
    for _ in 0..PAUSES {
        if wanted().all(|vector| events.service(cpu, since_ns, vector).is_some()) {
            break;
        }
        trial.settle();
        events = witness.events()?;
    }
    let mut services = KVec::new();
    for vector in wanted() {
        // A CPU that is late has no tick meanwhile, and no timer.
        let Some(service) = events.service(cpu, since_ns, vector) else {
            return Ok(None);
        };
        services.push((vector, service), GFP_KERNEL)?;
    }
    // Times of a clock that stands still do not tell, and another round would not either.
    let is_shown = is_control
        || !clock::is_steady()
        || were_pending_together(&services) && is_one_round(&services, &events, cpu);
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
fn is_one_round(services: &Services, events: &Events, cpu: CpuId) -> bool {
    let entered = || {
        services
            .iter()
            .map(|(_, service)| service.entered.at.stamp_ns)
    };
    let (Some(first), Some(last)) = (entered().min(), entered().max()) else {
        return false;
    };
    let is_raise = |noted: &TimedEvent| matches!(noted.event, Event::Raised(_));
    let mut during = events
        .on(cpu, first)
        .take_while(|noted| noted.at.stamp_ns <= last);
    !during.any(|noted| is_raise(&noted))
}

/// Whether the stamps of what has one executor are in the order of the vectors.
fn is_ascending(services: &[(Vector, Service)], which: impl Fn(&Service) -> TimedEvent) -> bool {
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
fn in_order(
    services: &[(Vector, Service)],
    which: impl Fn(&Service) -> TimedEvent,
) -> Result<Text> {
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
