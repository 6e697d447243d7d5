// SPDX-License-Identifier: GPL-2.0

//! Places: the part of a context that events are counted by.

use irqlab::context::{
    Kind,
    Snapshot,
    StackRegion, //
};
use kernel::{
    fmt,
    prelude::*, //
};

/// Where code ran: its context, whether interrupts were off, and on which stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) irqs_disabled: bool,
    stack: Stack,
}

/// Stacks, with all entries of the interrupt stack table as one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stack {
    Task,
    Irq,
    Ist,
}

impl Stack {
    const ALL: [Stack; 3] = [Stack::Task, Stack::Irq, Stack::Ist];
}

impl Place {
    /// How many places there are.
    pub(crate) const COUNT: usize = Kind::ALL.len() * 2 * Stack::ALL.len();

    #[inline]
    pub(crate) fn of(now: &Snapshot) -> Self {
        Self {
            kind: now.kind(),
            irqs_disabled: now.irqs_disabled,
            stack: match now.stack {
                StackRegion::Task => Stack::Task,
                StackRegion::Irq => Stack::Irq,
                StackRegion::Ist(_) => Stack::Ist,
            },
        }
    }

    /// All places, in the order of their indices.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.into_iter().flat_map(|kind| {
            [false, true].into_iter().flat_map(move |irqs_disabled| {
                Stack::ALL.into_iter().map(move |stack| Self {
                    kind,
                    irqs_disabled,
                    stack,
                })
            })
        })
    }

    /// 0 to [`Self::COUNT`] - 1.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        (self.kind as usize * 2 + self.irqs_disabled as usize) * Stack::ALL.len()
            + self.stack as usize
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!(
            "{},IF={},{}-stack",
            self.kind,
            u8::from(!self.irqs_disabled),
            match self.stack {
                Stack::Task => "task",
                Stack::Irq => "irq",
                Stack::Ist => "ist",
            }
        ))
    }
}
