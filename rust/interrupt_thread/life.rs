// SPDX-License-Identifier: GPL-2.0

//! The life of an interrupt thread: the states, and who moves it from one to the other.
//!
//! Only `core` is used, so that the tests also run on the host:
//! `rustc --test --edition 2021 rust/interrupt_thread/life.rs`.

/// What an interrupt thread is doing.
///
/// ```text
///              begin                       ready
///      Idle ──────────▶ Polling ─────────────────────▶ Idle
///                       │  ▲  ▲ wake                    (back in the pool)
///                  park │  │  └────▶ Notified
///                       ▼  │            │ park
///                  Blocked │ resume     ▼
///                     │    └──────── Scheduled
///                     └────────────────▲
///                            wake
/// ```
///
/// Whoever moves it to `Polling` has the handler's state for itself until it moves it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Life {
    /// It is in the pool: no handler.
    Idle,
    /// The handler runs, in interrupt context or in its thread.
    Polling,
    /// The handler runs, and what it may be about to wait for has come already.
    Notified,
    /// The handler waits.
    Blocked,
    /// What the handler waited for has come: its thread is to go on.
    Scheduled,
}

impl Life {
    /// The inverse of `as u32`; what is none of them is `Idle`.
    pub(crate) const fn from_raw(raw: u32) -> Self {
        match raw {
            1 => Life::Polling,
            2 => Life::Notified,
            3 => Life::Blocked,
            4 => Life::Scheduled,
            _ => Life::Idle,
        }
    }

    /// An interrupt takes it out of the pool.
    pub(crate) const fn begin(self) -> Option<Self> {
        match self {
            Life::Idle => Some(Life::Polling),
            _ => None,
        }
    }

    /// What the handler waits for comes.
    pub(crate) const fn wake(self) -> Option<Self> {
        match self {
            Life::Polling => Some(Life::Notified),
            Life::Blocked => Some(Life::Scheduled),
            Life::Idle | Life::Notified | Life::Scheduled => None,
        }
    }

    /// The handler is to wait.
    pub(crate) const fn park(self) -> Option<Self> {
        match self {
            Life::Polling => Some(Life::Blocked),
            Life::Notified => Some(Life::Scheduled),
            Life::Idle | Life::Blocked | Life::Scheduled => None,
        }
    }

    /// Its thread goes on with the handler.
    pub(crate) const fn resume(self) -> Option<Self> {
        match self {
            Life::Scheduled => Some(Life::Polling),
            _ => None,
        }
    }

    /// The handler has ended.
    pub(crate) const fn ready(self) -> Option<Self> {
        match self {
            Life::Polling | Life::Notified => Some(Life::Idle),
            _ => None,
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(irqlab_interrupt_thread_life))]
mod tests {
    use super::*;

    const ALL: [Life; 5] = [
        Life::Idle,
        Life::Polling,
        Life::Notified,
        Life::Blocked,
        Life::Scheduled,
    ];

    #[test]
    fn a_number_holds_each() {
        for life in ALL {
            assert_eq!(Life::from_raw(life as u32), life);
        }
    }

    #[test]
    fn a_wake_up_before_the_wait_is_not_lost() {
        let life = Life::Idle.begin().and_then(Life::wake);
        assert_eq!(life.and_then(Life::park), Some(Life::Scheduled));
    }

    #[test]
    fn only_one_has_the_handler() {
        for life in [Life::Polling, Life::Notified, Life::Blocked] {
            assert_eq!((life.begin(), life.resume()), (None, None));
        }
        assert_eq!(Life::Scheduled.begin(), None);
    }

    #[test]
    fn what_is_in_the_pool_or_scheduled_cannot_be_woken() {
        for life in [Life::Idle, Life::Notified, Life::Scheduled] {
            assert_eq!(life.wake(), None);
        }
    }
}
