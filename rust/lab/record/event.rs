// SPDX-License-Identifier: GPL-2.0

//! What is recorded of an event: its number, and which moment of it, in the tag of one entry of a ring.

/// The parts of an interrupt's handling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// From raising to the top half.
    Top,
    /// From the top half to the bottom half.
    Bottom,
    /// From the bottom half to the task that waits for it.
    Waiter,
}

impl Stage {
    pub(crate) const ALL: [Stage; 3] = [Stage::Top, Stage::Bottom, Stage::Waiter];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Stage::Top => "top",
            Stage::Bottom => "bottom",
            Stage::Waiter => "waiter",
        }
    }
}

/// The moments of an event that are recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Raised,
    Top,
    Bottom,
    Woken,
}

impl Mark {
    pub(super) const ALL: [Mark; 4] = [Mark::Raised, Mark::Top, Mark::Bottom, Mark::Woken];

    /// The stage that it ends.
    pub(super) const fn stage(self) -> Option<Stage> {
        match self {
            Mark::Raised => None,
            Mark::Top => Some(Stage::Top),
            Mark::Bottom => Some(Stage::Bottom),
            Mark::Woken => Some(Stage::Waiter),
        }
    }

    pub(super) const fn of(stage: Stage) -> Self {
        match stage {
            Stage::Top => Mark::Top,
            Stage::Bottom => Mark::Bottom,
            Stage::Waiter => Mark::Woken,
        }
    }

    /// The one after it.
    pub(super) fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    /// The tag of it for an event: two bits for it, behind those of the event.
    #[inline(always)]
    pub(super) fn tag(self, event: Event) -> u64 {
        event.0 << 2 | self as u64
    }

    /// What is in a tag.
    pub(super) fn parts_of(tag: u64) -> (Self, Event) {
        (Self::ALL[tag as usize % Self::ALL.len()], Event(tag >> 2))
    }
}

/// An event: the number of its mechanism, from bit [`Event::BITS`] on, and below it its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event(pub(super) u64);

impl Event {
    pub(super) const BITS: u32 = 48;

    /// The one before the first of a mechanism.
    #[inline]
    pub(super) const fn none_of(mechanism: u32) -> Self {
        Self((mechanism as u64) << Self::BITS)
    }

    #[inline]
    pub(super) const fn number(self) -> u64 {
        self.0 & ((1 << Self::BITS) - 1)
    }

    #[inline]
    pub(super) const fn mechanism(self) -> usize {
        (self.0 >> Self::BITS) as usize
    }
}
