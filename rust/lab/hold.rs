// SPDX-License-Identifier: GPL-2.0

//! Holding a CPU, with interrupts off or on, while others send it something.
//!
//! ```text
//!     target:   off ── held ─────────────── is_enough ── a moment ── at_end ── on
//!     senders:            └── send ── …
//! ```
//!
//! What the others have done by `at_end` they did while the target could not take any
//! interrupt. Nothing here depends on how long anything takes, but for an experiment that
//! does not come about in time: it is tried again.

use crate::{
    claim::Trial,
    refusal::{
        Answer,
        Obstacle,
        Refusal, //
    },
};
use irqlab::{
    clock,
    cpu::{
        self,
        CpuId,
        Here, //
    },
    interrupt::local_interrupt_disable, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
};

/// How long a CPU is held at most, and for how long others wait for that.
const PATIENCE_NS: u64 = 50_000_000;
/// How long it is held when it is enough, for what should not happen.
const MOMENT_NS: u64 = 20_000;

/// The interrupts of the CPU that is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupts {
    Off,
    On,
}

/// A CPU to be held, and how.
#[derive(Clone, Copy)]
pub(crate) struct Hold {
    pub(crate) target: CpuId,
    pub(crate) interrupts: Interrupts,
}

impl Hold {
    /// With interrupts off, but for the control.
    pub(crate) fn off_unless(is_control: bool, target: CpuId) -> Self {
        let interrupts = if is_control {
            Interrupts::On
        } else {
            Interrupts::Off
        };
        Self { target, interrupts }
    }

    /// Holds the CPU while each of `senders`, others, runs `send`, until `is_enough`; runs
    /// `at_end` there before it is let go. Returns whether it was enough in time, and all
    /// have run `send`; if not, some may have come too late to do so.
    pub(crate) fn during(
        self,
        trial: &Trial<'_>,
        senders: &[CpuId],
        send: impl Fn(&Here<'_>) + Sync,
        is_enough: impl Fn() -> bool + Sync,
        at_end: impl Fn() + Sync,
    ) -> Answer<bool> {
        let is_held = Atomic::new(false);
        let was_in_time = Atomic::new(false);
        let nr_sent = Atomic::new(0);
        let cpus = Iterator::chain(core::iter::once(self.target), senders.iter().copied());
        cpu::run_on(&trial.lab().workers, cpus, trial.task, |here| {
            if here.cpu != self.target {
                if spin_until(|| is_held.load(Acquire)) {
                    send(here);
                    nr_sent.fetch_add(1, Relaxed);
                }
                return;
            }
            let _off = (self.interrupts == Interrupts::Off).then(local_interrupt_disable);
            is_held.store(true, Release);
            if spin_until(&is_enough) {
                clock::spin_ns(MOMENT_NS);
                was_in_time.store(true, Relaxed);
            }
            at_end();
            is_held.store(false, Release);
        })?;
        Ok(was_in_time.load(Relaxed) && nr_sent.load(Relaxed) == senders.len())
    }
}

/// Spins until `condition` holds, but not for ever. Returns whether it does.
pub(crate) fn spin_until(condition: impl Fn() -> bool) -> bool {
    clock::spin_until(PATIENCE_NS, condition)
}

/// Carries out `attempt` until it has something to show.
///
/// Refusals: its own, and a skip after some attempts.
pub(crate) fn attempt<R>(mut attempt: impl FnMut() -> Answer<Option<R>>) -> Answer<R> {
    const ATTEMPTS: u32 = 10;

    for _ in 0..ATTEMPTS {
        if let Some(result) = attempt()? {
            return Ok(result);
        }
    }
    Err(Refusal::skip(
        Obstacle::Missed,
        fmt!("the CPUs did not come together in {ATTEMPTS} attempts"),
    ))
}
