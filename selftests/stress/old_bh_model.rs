// SPDX-License-Identifier: GPL-2.0

//! What the slots of old bottom halves have to do, as plain Rust: the reference for the stress.
//!
//! Only `core` is used, so that the tests also run on the host:
//! `rustc --test --edition 2021 selftests/stress/old_bh_model.rs`.

/// What is done to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Its owner comes, with a routine.
    Init,
    /// Its owner goes.
    Remove,
    Mark,
    Disable,
    Enable,
}

/// Whether that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    /// The slot is taken, or disabled.
    Busy,
    /// The slot is empty, or not disabled.
    Nothing,
}

/// One slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    is_taken: bool,
    nr_disabled: u32,
    is_marked: bool,
    /// How often its routines ran, and how often its turn came while it was empty.
    pub(crate) nr_runs: u64,
    pub(crate) nr_empty: u64,
}

impl Slot {
    pub(crate) const MAX_DISABLED: u32 = 3;

    /// What an operation answers, and what it does to the slot. Nothing runs before
    /// [`Self::settle`], but for what a removal waits for.
    pub(crate) fn apply(&mut self, operation: Operation) -> Answer {
        match operation {
            Operation::Init if self.is_taken => return Answer::Busy,
            Operation::Init => self.is_taken = true,
            Operation::Mark => self.is_marked = true,
            _ if !self.is_taken => return Answer::Nothing,
            Operation::Remove if self.nr_disabled > 0 => return Answer::Busy,
            Operation::Remove => {
                self.settle();
                self.is_taken = false;
            }
            Operation::Disable if self.nr_disabled == Self::MAX_DISABLED => return Answer::Busy,
            Operation::Disable => self.nr_disabled += 1,
            Operation::Enable if self.nr_disabled == 0 => return Answer::Nothing,
            Operation::Enable => self.nr_disabled -= 1,
        }
        Answer::Done
    }

    /// All that can run has run.
    pub(crate) fn settle(&mut self) {
        if self.is_marked && self.nr_disabled == 0 {
            self.is_marked = false;
            if self.is_taken {
                self.nr_runs += 1;
            } else {
                self.nr_empty += 1;
            }
        }
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.is_taken
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.nr_disabled > 0
    }

    pub(crate) fn is_marked(&self) -> bool {
        self.is_marked
    }
}

/// Numbers that look like chance, the same for the same seed (xorshift64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        // Of 0 nothing would ever come but 0.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % limit
    }

    /// An operation. Most are marks; owners come more often than they go.
    pub(crate) fn operation(&mut self) -> Operation {
        match self.below(200) {
            0..=1 => Operation::Remove,
            2..=9 => Operation::Init,
            10..=24 => Operation::Disable,
            25..=44 => Operation::Enable,
            _ => Operation::Mark,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(operations: &[Operation]) -> Slot {
        let mut slot = Slot::default();
        for operation in operations {
            slot.apply(*operation);
        }
        slot.settle();
        slot
    }

    #[test]
    fn marks_are_one_run() {
        let slot = after(&[Operation::Init, Operation::Mark, Operation::Mark]);
        assert_eq!((slot.nr_runs, slot.nr_empty, slot.is_marked), (1, 0, false));
    }

    #[test]
    fn an_empty_slot_does_nothing() {
        let slot = after(&[Operation::Mark, Operation::Mark]);
        assert_eq!((slot.nr_runs, slot.nr_empty, slot.is_marked), (0, 1, false));
    }

    #[test]
    fn a_disabled_slot_keeps_its_mark_until_it_is_enabled_as_often() {
        let mut slot = after(&[
            Operation::Init,
            Operation::Disable,
            Operation::Disable,
            Operation::Mark,
            Operation::Enable,
        ]);
        assert_eq!((slot.nr_runs, slot.is_marked), (0, true));
        slot.apply(Operation::Enable);
        slot.settle();
        assert_eq!((slot.nr_runs, slot.is_marked), (1, false));
    }

    #[test]
    fn a_removal_has_it_run_once_more() {
        let slot = after(&[Operation::Init, Operation::Mark, Operation::Remove]);
        assert_eq!((slot.nr_runs, slot.nr_empty, slot.is_taken), (1, 0, false));
    }

    #[test]
    fn what_cannot_be_done_changes_nothing() {
        let mut slot = Slot::default();
        for operation in [Operation::Remove, Operation::Disable, Operation::Enable] {
            assert_eq!(slot.apply(operation), Answer::Nothing);
        }
        assert_eq!(slot, Slot::default());
        slot.apply(Operation::Init);
        assert_eq!(slot.apply(Operation::Init), Answer::Busy);
        assert_eq!(slot.apply(Operation::Enable), Answer::Nothing);
        for _ in 0..Slot::MAX_DISABLED {
            assert_eq!(slot.apply(Operation::Disable), Answer::Done);
        }
        let before = slot;
        assert_eq!(slot.apply(Operation::Disable), Answer::Busy);
        assert_eq!(slot.apply(Operation::Remove), Answer::Busy);
        assert_eq!(slot, before);
    }

    #[test]
    fn chance_gives_every_operation_and_repeats() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            core::array::from_fn::<_, 1000, _>(|_| chance.operation())
        };
        let drawn = draw(1);
        for operation in [
            Operation::Init,
            Operation::Remove,
            Operation::Mark,
            Operation::Disable,
            Operation::Enable,
        ] {
            assert!(drawn.contains(&operation));
        }
        assert_eq!(drawn, draw(1));
        assert_ne!(drawn, draw(2));
        assert_ne!(draw(0)[..100], [Operation::Mark; 100]);
    }
}
