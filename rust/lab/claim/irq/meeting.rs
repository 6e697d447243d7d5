// SPDX-License-Identifier: GPL-2.0

//! A meeting of two CPUs, of which one masks: it has its interrupts off, while the other one goes on.

use crate::{
    counter::Counter,
    line::Line,
    waiting, //
};
use irqlab::{
    clock,
    cpu::CpuId,
    interrupt::local_interrupt_disable, //
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

/// How long the CPUs wait for each other.
pub(super) const PATIENCE_NS: u64 = 50_000_000;

/// Two CPUs, of which one has its interrupts off.
pub(super) struct Meeting {
    vector: u8,
    is_there: Atomic<bool>,
    is_off: Atomic<bool>,
    /// The other CPU has served its interrupt.
    is_served: Atomic<bool>,
    /// All of it happened while interrupts were off.
    pub(super) has_met: Atomic<bool>,
    pub(super) is_waiting: Atomic<bool>,
    /// What ran meanwhile: of the line, of the other line here, and elsewhere.
    pub(super) own: Atomic<u64>,
    pub(super) others: Atomic<u64>,
    pub(super) elsewhere: Atomic<u64>,
}

impl Meeting {
    pub(super) fn new(vector: u8) -> Self {
        Self {
            vector,
            is_there: Atomic::new(false),
            is_off: Atomic::new(false),
            is_served: Atomic::new(false),
            has_met: Atomic::new(false),
            is_waiting: Atomic::new(false),
            own: Atomic::new(0),
            others: Atomic::new(0),
            elsewhere: Atomic::new(0),
        }
    }

    /// The CPU that masks.
    pub(super) fn mask(&self, is_control: bool, lines: [&Arc<Line>; 2], counters: [&Counter; 2]) {
        if !reaches(&self.is_there) {
            return;
        }
        let here = CpuId::current();
        let runs = || [counters[0].runs_on(here), counters[1].runs_on(here)];
        let before = runs();
        let guard = (!is_control).then(local_interrupt_disable);
        self.is_off.store(true, Release);
        let is_served = reaches(&self.is_served);
        // What waits here is merged with what comes after it: from here on the other CPU
        // could not have its own.
        let is_raised = lines[0].raise().is_ok();
        self.is_waiting
            .store(is_raised && waiting::arrives(self.vector), Relaxed);
        let is_raised = is_raised && lines[1].raise().is_ok();
        let meanwhile = runs();
        drop(guard);
        self.own.store(meanwhile[0] - before[0], Relaxed);
        self.others.store(meanwhile[1] - before[1], Relaxed);
        self.has_met.store(is_served && is_raised, Relaxed);
    }

    /// The CPU that goes on.
    pub(super) fn go_on(&self, line: &Line, counter: &Counter, here: CpuId) {
        self.is_there.store(true, Release);
        if !reaches(&self.is_off) {
            return;
        }
        let before = counter.runs_on(here);
        if line.raise().is_err() {
            return;
        }
        if !clock::spin_until(PATIENCE_NS, || counter.runs_on(here) != before) {
            return;
        }
        self.elsewhere
            .store(counter.runs_on(here) - before, Relaxed);
        self.is_served.store(true, Release);
    }
}

/// Spins until `flag` is set, for so long. Returns whether it was.
fn reaches(flag: &Atomic<bool>) -> bool {
    clock::spin_until(PATIENCE_NS, || flag.load(Acquire))
}
