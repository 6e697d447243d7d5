// SPDX-License-Identifier: GPL-2.0

//! Meetings: a target that turns interrupts off when a sender is about to send.
//!
//! ```text
//!     sender:   ask ──────▶ met? ── send, let go ─────────── it has arrived
//!     target:        off ── held ──────────▶ let go ── hold_us ── on: what waits arrives
//! ```
//!
//! So a call meets interrupts that are off however slow either CPU is, and it is seen
//! whether it did: its handler runs before the target's thread goes on. Both wait for each
//! other for [`PATIENCE_NS`] at most.

use irqlab::{
    clock,
    context::Task,
    cpu::Here,
    interrupt::local_interrupt_disable, //
};
use kernel::sync::atomic::{
    Acquire,
    Atomic,
    Relaxed,
    Release, //
};

/// How long one waits for the other, in nanoseconds.
pub(super) const PATIENCE_NS: u64 = 20_000_000;

/// The meetings on one target.
pub(super) struct Meetings {
    /// How many were asked for, have begun, and were let go.
    asked: Atomic<u64>,
    begun: Atomic<u64>,
    let_go: Atomic<u64>,
    /// Whether interrupts are off there, or have been until just now, for as long as was asked for.
    is_held: Atomic<bool>,
}

impl Meetings {
    pub(super) const fn new() -> Self {
        Self {
            asked: Atomic::new(0),
            begun: Atomic::new(0),
            let_go: Atomic::new(0),
            is_held: Atomic::new(false),
        }
    }

    /// On the target: holds it as soon as a sender has asked, or sleeps for a moment.
    pub(super) fn hold(&self, hold_us: u32, task: &Task) {
        const PAUSE_US: u32 = 50;

        let asked = self.asked.load(Acquire);
        if asked == self.begun.load(Relaxed) {
            task.sleep_us(PAUSE_US, 10);
            return;
        }
        let off = local_interrupt_disable();
        self.is_held.store(true, Relaxed);
        self.begun.store(asked, Release);
        if !clock::spin_until(PATIENCE_NS, || self.let_go.load(Acquire) >= asked) {
            // Who comes now finds them off for longer than was asked for.
            self.is_held.store(false, Relaxed);
        }
        clock::spin_ns(u64::from(hold_us) * 1000);
        drop(off);
        // What was sent meanwhile has arrived before this.
        self.is_held.store(false, Relaxed);
    }

    /// On the target, in the handler: whether it has found interrupts off.
    pub(super) fn is_held(&self) -> bool {
        self.is_held.load(Relaxed)
    }

    /// On the sender: asks for a meeting.
    pub(super) fn ask(&self) {
        self.asked.fetch_add(1, Release);
    }

    /// On the sender: waits until all that were asked for have begun, until `end_ns` at most.
    pub(super) fn wait(&self, end_ns: u64, here: &Here<'_>) {
        let asked = self.asked.load(Relaxed);
        while self.begun.load(Acquire) < asked && clock::now_ns() < end_ns {
            here.task.yield_if_needed();
            core::hint::spin_loop();
        }
    }

    /// On the sender: lets the target go, in as long as it is to hold.
    pub(super) fn let_go(&self) {
        self.let_go.store(self.asked.load(Relaxed), Release);
    }
}
