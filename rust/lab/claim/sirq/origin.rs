// SPDX-License-Identifier: GPL-2.0

//! Where a soft IRQ can be raised, and who is to serve it then.

use crate::{
    raiser,
    watch::System, //
};
use irqlab::{
    context::{
        Kind,
        Snapshot, //
    },
    softirq::{
        Executor,
        Vector, //
    },
};

/// Where a soft IRQ is raised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// In a task's section with bottom halves disabled.
    Section,
    /// In an interrupt of the CPU's timer.
    TimerIrq,
    /// By the tick, which sees that an ordinary timer is due.
    Tick,
    /// In the interrupt that the CPU sends itself.
    IrqWork,
    /// In the interrupt by which another CPU has it call a function.
    Call,
    /// In a task.
    Task,
}

impl Origin {
    pub(super) const ALL: [Origin; 6] = [
        Origin::Section,
        Origin::TimerIrq,
        Origin::Tick,
        Origin::IrqWork,
        Origin::Call,
        Origin::Task,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Origin::Section => "with bottom halves off",
            Origin::TimerIrq => "in a timer's interrupt",
            Origin::Tick => "by the tick",
            Origin::IrqWork => "in the interrupt of IRQ work",
            Origin::Call => "in a call by another CPU",
            Origin::Task => "in a task",
        }
    }

    pub(super) const fn vector(self) -> Vector {
        match self {
            Origin::Tick => Vector::Timer,
            _ => raiser::VECTOR,
        }
    }

    /// The kind of context that this is.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Origin::Section | Origin::Task => Kind::Task,
            Origin::TimerIrq | Origin::Tick | Origin::IrqWork | Origin::Call => Kind::HardIrq,
        }
    }

    /// Whether that is where it was raised, and nothing around it, such as a section that was
    /// interrupted, is to serve it. `last` is the interrupt that it was raised in.
    pub(super) fn is_of(self, at: &Snapshot, last: Option<System>) -> bool {
        let is_in = |wanted: &[System]| {
            let is_wanted = last.is_some_and(|last| wanted.contains(&last));
            at.kind() == Kind::HardIrq && at.softirq_depth() == 0 && is_wanted
        };
        match self {
            Origin::Section => at.kind() == Kind::Task && at.softirq_depth() > 0,
            Origin::Task => at.kind() == Kind::Task && at.softirq_depth() == 0,
            Origin::TimerIrq | Origin::Tick => is_in(&[System::LocalTimer]),
            Origin::IrqWork => is_in(&[System::IrqWork]),
            Origin::Call => is_in(&[System::CallFunction, System::CallFunctionSingle]),
        }
    }

    /// Who serves it, in a kernel that forces threads or not.
    pub(super) const fn server(self, is_forced: bool) -> Executor {
        match self {
            Origin::Section => Executor::BottomHalfEnable,
            Origin::Task => Executor::Ksoftirqd,
            Origin::Tick if is_forced => Executor::Ktimers,
            _ if is_forced => Executor::Ksoftirqd,
            _ => Executor::IrqExit,
        }
    }
}
