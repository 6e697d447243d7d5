// SPDX-License-Identifier: GPL-2.0

//! The kinds: every way to interrupt a CPU, the own one too.

use crate::refusal::{
    refuse,
    Answer,
    List, //
};
use irqlab::smp::Counter;
use kernel::prelude::*;

/// A way to interrupt a CPU.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Single,
    Async,
    Any,
    Broadcast,
    Contended,
    Each,
    Where,
    Own,
    Reschedule,
    IrqWork,
    Nmi,
    Task,
}

/// How a kind takes its targets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One after the other.
    One,
    /// All at once.
    Many,
    /// Only the CPU that sends.
    Own,
}

impl Kind {
    pub(crate) const ALL: [Kind; 12] = [
        Kind::Single,
        Kind::Async,
        Kind::Any,
        Kind::Broadcast,
        Kind::Contended,
        Kind::Each,
        Kind::Where,
        Kind::Own,
        Kind::Reschedule,
        Kind::IrqWork,
        Kind::Nmi,
        Kind::Task,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Single => "single",
            Kind::Async => "async",
            Kind::Any => "any",
            Kind::Broadcast => "broadcast",
            Kind::Contended => "contended",
            Kind::Each => "each",
            Kind::Where => "where",
            Kind::Own => "self",
            Kind::Reschedule => "reschedule",
            Kind::IrqWork => "irq_work",
            Kind::Nmi => "nmi",
            Kind::Task => "task",
        }
    }

    /// What it is, in a few words.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Kind::Single => "a call on one CPU",
            Kind::Async => "a call on one CPU, by call single data",
            Kind::Any => "a call on one CPU of the kernel's choice",
            Kind::Broadcast => "a call on all at once, but not on the sender's CPU",
            Kind::Contended => "broadcasts by several senders at a time",
            Kind::Each => "a call on all at once, on the sender's CPU too",
            Kind::Where => "a call on those online for which a condition holds",
            Kind::Own => "a call on the own CPU: inline, with interrupts off, no interrupt",
            Kind::Reschedule => "a kick, which calls nobody; seen by its tracepoint",
            Kind::IrqWork => "an interrupt that the CPU sends to itself",
            Kind::Nmi => "a non-maskable interrupt",
            Kind::Task => "a call in a kernel thread: no interrupt need be involved",
        }
    }

    pub(crate) const fn reach(self) -> Reach {
        match self {
            Kind::Single | Kind::Async | Kind::Reschedule | Kind::Nmi | Kind::Task => Reach::One,
            Kind::Any | Kind::Broadcast | Kind::Contended | Kind::Each | Kind::Where => Reach::Many,
            Kind::Own | Kind::IrqWork => Reach::Own,
        }
    }

    /// Whether it can be sent without waiting for it.
    pub(crate) const fn may_go_on(self) -> bool {
        !matches!(
            self,
            Kind::Any | Kind::Where | Kind::Own | Kind::Nmi | Kind::Task
        )
    }

    /// Whether several may be on their way at a time, from as many senders: all that they share is for each CPU.
    pub(crate) const fn may_meet_others(self) -> bool {
        matches!(self, Kind::Single | Kind::Reschedule | Kind::Task)
    }

    /// The kernel's counter of it.
    pub(crate) const fn counter(self) -> Option<Counter> {
        match self {
            Kind::Reschedule => Some(Counter::Reschedule),
            Kind::IrqWork => Some(Counter::IrqWork),
            Kind::Nmi => Some(Counter::Nmi),
            Kind::Task => None,
            _ => Some(Counter::CallFunction),
        }
    }

    /// The kind called `name`.
    ///
    /// Refusals: `ENODEV`.
    pub(crate) fn find(name: &str) -> Answer<Self> {
        match Self::ALL.into_iter().find(|kind| kind.name() == name) {
            Some(kind) => Ok(kind),
            None => refuse!(
                ENODEV,
                "no kind '{name}'; there are: {}",
                List(&Self::ALL.map(Self::name))
            ),
        }
    }
}
