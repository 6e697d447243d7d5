// SPDX-License-Identifier: GPL-2.0

//! Accounts: what became of the events that were raised, also while their mechanism was disabled.

use super::{
    event::{
        Event,
        Mark,
        Stage, //
    },
    Record,
};
use kernel::sync::atomic::Relaxed;

/// What became of a mechanism's events: each of those that were raised is in one of the other rows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Account {
    /// How often one was raised.
    pub(crate) raised: u64,
    /// How often a bottom half ran, and was recorded.
    pub(crate) recorded: u64,
    /// Those that were served together with another one.
    pub(crate) coalesced: u64,
    /// Those that the mechanism did not take, as it was disabled.
    pub(crate) refused: u64,
    /// Those whose bottom half ran and found no room to be recorded.
    pub(crate) lost: u64,
    /// Those that no bottom half has served yet.
    pub(crate) pending: u64,
    /// How often a half ran, or the task, and nothing is known of what went before, so that no latency was
    /// counted. These are among those above.
    pub(crate) unmatched: u64,
}

/// What became of the events that a mechanism was given while it was disabled.
#[derive(Clone, Copy)]
pub(crate) struct WhileDisabled {
    /// It took them, and serves them as one when it is enabled.
    pub(crate) kept: u64,
    /// It did not take them: no bottom half serves them.
    pub(crate) refused: u64,
}

impl Record {
    /// Notes that the mechanism was disabled, or enabled.
    pub(crate) fn set_disabled(&self, is_disabled: bool) {
        self.is_disabled.store(is_disabled.into());
    }

    /// Notes that the top half gives the event to the mechanism, and whether it `is_taken`.
    #[inline]
    pub(crate) fn given(&self, is_taken: bool) {
        if self.is_disabled.load() != 0 {
            let event = self.last_raised().number();
            if is_taken {
                self.kept.add(1, Relaxed);
            } else {
                self.refused.add(1, Relaxed);
                self.last_refused.store(event, Relaxed);
            }
            self.held.store(event, Relaxed);
        }
    }

    /// Whether the mechanism is disabled, or was when the last event came.
    pub(crate) fn holds_last(&self) -> bool {
        let (held, raised) = (self.held.load(Relaxed), self.last_raised().number());
        self.is_disabled.load() != 0 || held == raised && raised > 0
    }

    /// What became of the events while the mechanism was disabled.
    pub(crate) fn while_disabled(&self) -> WhileDisabled {
        WhileDisabled {
            kept: self.kept.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    /// What became of all events.
    pub(crate) fn account(&self) -> Account {
        let (refused, lost) = (
            self.refused.load(Relaxed),
            self.nr_lost[Mark::Bottom as usize].load(Relaxed),
        );
        let last_refused = self.last_refused.load(Relaxed);
        self.with(|tally| {
            let last_raised = self.last_raised().number();
            let raised = tally.nr_raised(last_raised);
            let recorded = tally.of(Stage::Bottom).count();
            // One whose moment found no room was served all the same.
            let arrived = Event(self.arrived.load()).number();
            let last_served = tally.last_served().max(last_refused).max(arrived);
            let pending = last_raised.saturating_sub(last_served).min(raised);
            Account {
                raised,
                recorded,
                coalesced: raised.saturating_sub(recorded + refused + lost + pending),
                refused,
                lost,
                pending,
                unmatched: Stage::ALL
                    .iter()
                    .map(|stage| tally.of(*stage).nr_unmatched)
                    .sum(),
            }
        })
        .unwrap_or_default()
    }
}
