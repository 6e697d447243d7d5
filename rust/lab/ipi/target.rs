// SPDX-License-Identifier: GPL-2.0

//! What a target is busy with when an interrupt comes.

use crate::{
    load::{
        by_thread,
        hog,
        Load, //
    },
    refusal::{
        refuse,
        Answer, //
    },
};
use irqlab::{
    context::Task,
    cpu::CpuId,
    kthread::Priority, //
};
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
    /// A thread turns interrupts off whenever something is about to be sent, until so many
    /// microseconds after.
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
            _ => refuse!(
                ENODEV,
                "no target '{name}'; there are: idle, busy, irqs_off"
            ),
        };
        if hold_us.is_some() && !matches!(target, Target::IrqsOff(_)) {
            refuse!(
                EINVAL,
                "hold_us= is for target=irqs_off: leave it out with target={name}"
            );
        }
        Ok(target)
    }

    /// Has `cpu` be so until what this returns is dropped. A thread there that turns
    /// interrupts off does so by `hold`, for so many microseconds.
    ///
    /// Errors: `ENOMEM`.
    pub(super) fn start(
        self,
        cpu: CpuId,
        hold: impl Fn(u32, &Task) + Send + Sync + 'static,
    ) -> Result<Option<KBox<dyn Load>>> {
        Ok(match self {
            Target::Idle => None,
            Target::Busy => Some(hog::start(cpu)?),
            Target::IrqsOff(us) => {
                let round = move |task: &Task| hold(us, task);
                Some(by_thread::start(cpu, Priority::FifoLow, round)?)
            }
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
