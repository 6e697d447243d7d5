// SPDX-License-Identifier: GPL-2.0

//! What a target is busy with when an interrupt comes.

use crate::{
    load::{
        hog,
        irqs_off,
        Load, //
    },
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::cpu::CpuId;
use kernel::{
    fmt,
    prelude::*, //
};

/// A target's state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Nothing is added to what it does.
    Idle,
    /// An ordinary thread runs all the time.
    Busy,
    /// A thread turns interrupts off for so many microseconds, and sleeps as long, in turn. What
    /// is sent is sent when they have just been turned off.
    IrqsOff(u32),
}

impl Target {
    /// Refusals: `ENODEV` if there is no such state, `EINVAL` if it has no time to hold.
    pub(crate) fn find(name: &str, hold_us: Option<u32>) -> Answer<Self> {
        const HOLD_US: u32 = 200;

        let target = match name {
            "idle" => Target::Idle,
            "busy" => Target::Busy,
            "irqs_off" => Target::IrqsOff(hold_us.unwrap_or(HOLD_US)),
            _ => refuse!(ENODEV, "no state '{}' of a target", name),
        };
        if hold_us.is_some() && !matches!(target, Target::IrqsOff(_)) {
            refuse!(EINVAL, "hold_us= is for target=irqs_off");
        }
        Ok(target)
    }

    /// Has `cpu` be so until what this returns is dropped. Calls `cue` each time that
    /// interrupts are off there.
    ///
    /// Errors: `ENOMEM`.
    pub(super) fn start(
        self,
        cpu: CpuId,
        cue: impl Fn() + Send + Sync + 'static,
    ) -> Result<Option<KBox<dyn Load>>> {
        Ok(match self {
            Target::Idle => None,
            Target::Busy => Some(hog::start(cpu)?),
            Target::IrqsOff(us) => Some(irqs_off::start(cpu, us, us, cue)?),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Idle => f.write_str("idle"),
            Target::Busy => f.write_str("busy"),
            Target::IrqsOff(us) => f.write_fmt(fmt!("irqs_off for {us} us")),
        }
    }
}
