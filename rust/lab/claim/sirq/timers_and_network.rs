// SPDX-License-Identifier: GPL-2.0

//! The kernel runs its timers and receives network packets in soft IRQs.
//!
//! A timer is started, and a packet sent to the machine itself. As the timer runs, and as the network
//! takes the packet, it is looked up which soft IRQ the kernel has entered on that CPU, and not left.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::{
    context::{
        Snapshot,
        SoftIrq,
        Unsleeping, //
    },
    cpu::PerCpu,
    net, new_timer,
    softirq::Vector,
    timer::{
        Handler,
        Kind,
        Timer, //
    },
    tracepoint::{
        Attached,
        NetifReceiveSkb,
        Observer,
        SoftirqEntry,
        SoftirqExit, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "soft irqs are used within the kernel for example to update kernel timers and handle network traffic.",
    section: "4.1.1.1. Example: Linux Tasklets",
    today: "as the text says: TIMER runs timers, and HRTIMER those of high resolution that need no hard IRQ; NET_RX receives \
            packets, and NET_TX cleans up behind those that were sent. With PREEMPT_RT threads take what \
            other CPUs are given to process, since 6.10 (2024)",
    functions: "run_timer_softirq(), net_rx_action(), process_backlog()",
    control: "no timer is started, and no packet sent",
    next: "echo on > softirqs; ping -c 3 127.0.0.1; cat softirqs; echo off > softirqs",
}

/// The data of the packet: its length tells it from others.
const DATA: [u8; 777] = [0; 777];

/// How long to wait for what does not come in the control.
const PATIENCE_MS: u32 = 300;
const IN_VAIN_MS: u32 = 20;

/// In place of a soft IRQ: that nothing has happened yet, that it happened in none, and that it is not known.
const NOT_YET: u32 = u32::MAX;
const NONE: u32 = u32::MAX - 1;
const UNKNOWN: u32 = u32::MAX - 2;

/// Which soft IRQ each CPU serves, and above it for which task; and in which the timer ran, and the packet was taken.
struct Serving {
    here: PerCpu<Atomic<u64>>,
    timer: Atomic<u32>,
    packet: Atomic<u32>,
}

impl Serving {
    fn enter(&self, what: u32) {
        let pid = Snapshot::take().pid;
        self.here
            .local()
            .store(u64::from(pid as u32) << 32 | u64::from(what), Relaxed);
    }

    /// What the current task serves here. On PREEMPT_RT another one may have preempted it and served some, too: then
    /// only that one's is known.
    fn here(&self) -> u32 {
        let here = self.here.local().load(Relaxed);
        let is_of_this = (here >> 32) as u32 == Snapshot::take().pid as u32;
        if is_of_this || !cfg!(CONFIG_PREEMPT_RT) {
            here as u32
        } else {
            UNKNOWN
        }
    }
}

impl Observer<SoftirqEntry> for Serving {
    fn observe(&self, event: &SoftirqEntry, _context: &Unsleeping) {
        self.enter(event.vector as u32);
    }
}

impl Observer<SoftirqExit> for Serving {
    fn observe(&self, _event: &SoftirqExit, _context: &Unsleeping) {
        self.enter(NONE);
    }
}

impl Observer<NetifReceiveSkb> for Serving {
    fn observe(&self, event: &NetifReceiveSkb, _context: &Unsleeping) {
        if event.length == DATA.len() as u32 + net::HEADERS {
            self.packet.store(self.here(), Release);
        }
    }
}

struct Tick(Arc<Serving>);

impl Handler<Kind> for Tick {
    fn run(this: &Timer<Self>, _softirq: &SoftIrq) {
        let serving = &this.0;
        serving.timer.store(serving.here(), Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let serving = Serving {
        here: PerCpu::new(|| Ok(Atomic::new(u64::from(NONE))))?,
        timer: Atomic::new(NOT_YET),
        packet: Atomic::new(NOT_YET),
    };
    let serving = Arc::new(serving, GFP_KERNEL)?;
    let mut attached = Attached::new(serving.clone());
    attached.to::<SoftirqEntry>()?;
    attached.to::<SoftirqExit>()?;
    if attached.to::<NetifReceiveSkb>().is_err() {
        skip!("this kernel has no network");
    }
    let timer = new_timer!(Ok::<_, Error>(Tick(serving.clone())));
    let timer = KBox::pin_init(timer, GFP_KERNEL)?;
    if !trial.is_control() {
        timer.start(1);
        if net::send_to_self(&mut { DATA }, trial.task).is_err() {
            skip!("the machine cannot send to itself: 'ip link set lo up' and try again");
        }
    }
    let patience_ms = trial.pick(PATIENCE_MS, IN_VAIN_MS);
    let mut is_by_thread = false;
    for (what, place, wanted) in [
        ("the timer ran", &serving.timer, Vector::Timer),
        ("the packet was taken", &serving.packet, Vector::NetRx),
    ] {
        let has_come = trial.eventually(patience_ms, || place.load(Acquire) != NOT_YET);
        if !has_come && !trial.is_control() {
            skip!(Missed: "in {patience_ms} ms it was not seen that {what}");
        }
        if !has_come {
            evidence.check(
                has_come,
                fmt!("in {patience_ms} ms it was not seen that {what}"),
            )?;
            continue;
        }
        let place = place.load(Acquire);
        if place == UNKNOWN {
            skip!("another task served soft IRQs meanwhile where {what}");
        }
        let served_in = Vector::from_raw(place);
        // A thread may do it (PREEMPT_RT).
        is_by_thread |= served_in.is_none();
        evidence.check(
            served_in.map_or(cfg!(CONFIG_PREEMPT_RT), |vector| vector == wanted),
            fmt!(
                "{what} in {}",
                served_in.map_or("no soft IRQ", Vector::name)
            ),
        )?;
    }
    if is_by_thread {
        evidence.outdated()
    } else {
        evidence.holds()
    }
}
