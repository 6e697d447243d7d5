// SPDX-License-Identifier: GPL-2.0

//! Levels, and which of them a CPU lets through: the rules, and nothing else.
//!
//! Only `core` is used, so that the tests also run on the host:
//! `rustc --test --edition 2021 rust/interrupt_thread/level.rs`.

/// The highest level whose interrupts are served by threads: the lock level.
pub const LOCK_LEVEL: u8 = 10;
/// The highest level.
pub const MAX_LEVEL: u8 = 15;

/// The level of an interrupt: 1 to 15. A higher one interrupts a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    /// The level of this number, if there is one.
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= MAX_LEVEL {
            Some(Self(number))
        } else {
            None
        }
    }

    /// All levels, the lowest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + Clone {
        (1..=MAX_LEVEL).map(Self)
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its place in an array of all levels.
    pub const fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// Whether its interrupts are served by threads, so that their handlers may block.
    pub const fn has_thread(self) -> bool {
        self.0 <= LOCK_LEVEL
    }

    const fn bit(self) -> u16 {
        1 << self.0
    }

    /// The highest of a set.
    const fn highest(set: u16) -> Option<Self> {
        match set.checked_ilog2() {
            Some(number) => Some(Self(number as u8)),
            None => None,
        }
    }
}

/// What became of an interrupt that was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// It is served at once, above what the CPU does.
    Now,
    /// It waits: its level, or a higher one, is being served or blocked.
    Waits,
    /// It became one with an interrupt of its level that waits already.
    Merged,
}

/// The levels of one CPU: three sets, and a switch.
///
/// ```text
///                raise                begin                  end
///     (nothing) ───────▶ pending ──────────────▶ active ──────────────▶ (nothing)
///                           ▲    above the mask    │                        ▲
///                           └─ raise: once more    └── block ──▶ blocked ───┘
///                                                                     finish
/// ```
///
/// Pending and one of the other two may be true of a level at the same time: it was raised
/// again while its handler ran. The *mask* is the highest level that is active or blocked:
/// of what is pending, only higher levels begin.
///
/// It is a value that fits in one word, so that a CPU's levels change by one atomic operation.
///
/// ```
/// # use irqlab::interrupt_thread::{Level, Levels, MAX_LEVEL};
/// # use kernel::prelude::*;
/// fn serve(mut levels: Levels, level: Level, blocks: bool) -> Option<Levels> {
///     (levels, _) = levels.raise(level)?;
///     if levels.next() != Some(level) {
///         // The mask is not below it.
///         pr_info!("waits for level {:?}\n", levels.mask());
///         return Some(levels);
///     }
///     (levels, _) = levels.begin()?;
///     if blocks {
///         levels = levels.block(level).finish(level);
///     } else if levels.top() == Some(level) {
///         levels = levels.end(level);
///     }
///     Some(levels)
/// }
///
/// /// A counter for each level.
/// fn count(counters: &mut [u64; MAX_LEVEL as usize], level: Level) {
///     counters[level.index()] += 1;
/// }
///
/// /// As a CPU's one word keeps them, and at the end.
/// fn close(word: u64) -> u64 {
///     Levels::from_raw(word).close().into_raw()
/// }
///
/// let (idle, five) = (Levels::default(), Level::new(5).ok_or(EINVAL)?);
/// assert_eq!(serve(idle, five, false), Some(idle));
/// assert_eq!(serve(idle, five, true), Some(idle));
/// // Below a level that is active it waits.
/// let busy = Levels { active: 1 << Level::new(6).ok_or(EINVAL)?.index(), ..idle };
/// assert!(serve(busy, five, false).is_some_and(|levels| Levels::contains(levels.pending, five)));
/// # assert!(serve(Levels::from_raw(close(0)), five, false).is_none());
/// # let mut counters = [0; MAX_LEVEL as usize];
/// # count(&mut counters, five);
/// # assert_eq!(counters.iter().sum::<u64>(), 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Raised, and not begun.
    pub pending: u16,
    /// The handler runs in the place of what it has interrupted.
    pub active: u16,
    /// The handler has blocked, and not ended: it is a thread of its own.
    pub blocked: u16,
    /// Nothing is raised or begins any more.
    pub is_closed: bool,
}

impl Levels {
    /// The inverse of [`Self::into_raw`].
    pub const fn from_raw(raw: u64) -> Self {
        Self {
            pending: raw as u16,
            active: (raw >> 16) as u16,
            blocked: (raw >> 32) as u16,
            is_closed: raw >> 48 & 1 == 1,
        }
    }

    /// All in one word.
    pub const fn into_raw(self) -> u64 {
        self.pending as u64
            | (self.active as u64) << 16
            | (self.blocked as u64) << 32
            | (self.is_closed as u64) << 48
    }

    /// The level up to which interrupts wait: the highest that is active or blocked.
    pub const fn mask(self) -> Option<Level> {
        Level::highest(self.active | self.blocked)
    }

    /// The level that is to begin now, if one is.
    pub fn next(self) -> Option<Level> {
        Level::highest(self.pending).filter(|next| !self.is_closed && Some(*next) > self.mask())
    }

    /// The level whose handler runs on top of all others.
    pub const fn top(self) -> Option<Level> {
        Level::highest(self.active)
    }

    /// An interrupt of `level` comes. `None` if the levels are closed.
    pub fn raise(self, level: Level) -> Option<(Self, Raised)> {
        if self.is_closed {
            return None;
        }
        if self.pending & level.bit() != 0 {
            return Some((self, Raised::Merged));
        }
        let mut after = self;
        after.pending |= level.bit();
        let raised = if after.next() == Some(level) {
            Raised::Now
        } else {
            Raised::Waits
        };
        Some((after, raised))
    }

    /// The next level's handler begins.
    pub fn begin(self) -> Option<(Self, Level)> {
        let level = self.next()?;
        let mut after = self;
        after.pending &= !level.bit();
        after.active |= level.bit();
        Some((after, level))
    }

    /// The handler that runs on top has ended.
    pub const fn end(mut self, level: Level) -> Self {
        self.active &= !level.bit();
        self
    }

    /// The handler that runs on top has blocked.
    pub const fn block(mut self, level: Level) -> Self {
        self.active &= !level.bit();
        self.blocked |= level.bit();
        self
    }

    /// The handler that had blocked has ended, in its thread.
    pub const fn finish(mut self, level: Level) -> Self {
        self.blocked &= !level.bit();
        self
    }

    /// Nothing begins any more; what was pending is dropped.
    pub const fn close(mut self) -> Self {
        self.is_closed = true;
        self.pending = 0;
        self
    }

    /// Whether `set`, one of the three, contains `level`.
    pub const fn contains(set: u16, level: Level) -> bool {
        set & level.bit() != 0
    }
}

#[cfg(any(test, CONFIG_KUNIT))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(irqlab_interrupt_thread_level))]
mod tests {
    use super::*;

    fn level(number: u8) -> Level {
        Level(number)
    }

    fn raise(levels: &mut Levels, number: u8) -> Raised {
        match levels.raise(level(number)) {
            Some((after, raised)) => {
                *levels = after;
                raised
            }
            None => panic!("closed"),
        }
    }

    fn begin(levels: &mut Levels) -> Option<u8> {
        let (after, begun) = levels.begin()?;
        *levels = after;
        Some(begun.number())
    }

    #[test]
    fn levels_are_1_to_15_and_threads_serve_1_to_10() {
        assert_eq!(Level::new(0), None);
        assert_eq!(Level::new(16), None);
        let with_thread = Level::all().filter(|level| level.has_thread()).count();
        assert_eq!((Level::all().count(), with_thread), (15, 10));
    }

    #[test]
    fn a_higher_level_interrupts_and_a_lower_one_waits() {
        let mut levels = Levels::default();
        assert_eq!(raise(&mut levels, 5), Raised::Now);
        assert_eq!(begin(&mut levels), Some(5));
        assert_eq!(raise(&mut levels, 3), Raised::Waits);
        assert_eq!(raise(&mut levels, 5), Raised::Waits);
        assert_eq!(begin(&mut levels), None);
        assert_eq!(raise(&mut levels, 7), Raised::Now);
        assert_eq!(begin(&mut levels), Some(7));
        assert_eq!(levels.top(), Some(level(7)));
        levels = levels.end(level(7));
        assert_eq!(begin(&mut levels), None);
        levels = levels.end(level(5));
        assert_eq!(begin(&mut levels), Some(5));
        levels = levels.end(level(5));
        assert_eq!(begin(&mut levels), Some(3));
    }

    #[test]
    fn what_waits_is_one_interrupt() {
        let mut levels = Levels::default();
        assert_eq!(raise(&mut levels, 2), Raised::Now);
        assert_eq!(raise(&mut levels, 2), Raised::Merged);
        assert_eq!(begin(&mut levels), Some(2));
        levels = levels.end(level(2));
        assert_eq!(begin(&mut levels), None);
    }

    #[test]
    fn a_blocked_level_masks_itself_and_those_below_until_it_finishes() {
        let mut levels = Levels::default();
        raise(&mut levels, 6);
        begin(&mut levels);
        levels = levels.block(level(6));
        assert_eq!(levels.top(), None);
        assert_eq!(raise(&mut levels, 6), Raised::Waits);
        assert_eq!(raise(&mut levels, 1), Raised::Waits);
        assert_eq!(begin(&mut levels), None);
        assert_eq!(raise(&mut levels, 9), Raised::Now);
        assert_eq!(begin(&mut levels), Some(9));
        levels = levels.block(level(9)).finish(level(6));
        assert_eq!(levels.mask(), Some(level(9)));
        assert_eq!(begin(&mut levels), None);
        levels = levels.finish(level(9));
        assert_eq!(begin(&mut levels), Some(6));
    }

    #[test]
    fn what_is_closed_drops_what_waits() {
        let mut levels = Levels::default();
        raise(&mut levels, 4);
        levels = levels.close();
        assert_eq!(levels.raise(level(9)), None);
        assert_eq!(levels.begin(), None);
    }

    #[test]
    fn a_word_holds_all() {
        let levels = Levels {
            pending: 0xfffe,
            active: 0x8002,
            blocked: 0x07fe,
            is_closed: true,
        };
        assert_eq!(Levels::from_raw(levels.into_raw()), levels);
    }

    /// Random operations against the plain statement of the rules: a list of what runs, from
    /// below to the top, and a list of what has blocked.
    #[test]
    fn random_operations_keep_the_rules() {
        let mut random = 0x2545_f491_4f6c_dd1du64;
        let mut draw = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let mut levels = Levels::default();
        let mut running = [0u8; 16];
        let (mut depth, mut blocked, mut pending) = (0, [false; 16], [false; 16]);
        let (mut nr_raised, mut nr_merged, mut nr_begun) = (0u32, 0u32, 0u32);
        for _ in 0..100_000 {
            let top = if depth > 0 { running[depth - 1] } else { 0 };
            let mask = (1..16u8).rev().find(|n| blocked[usize::from(*n)]);
            let mask = top.max(mask.unwrap_or(0));
            let number = 1 + draw(15) as u8;
            let at = usize::from(number);
            match draw(4) {
                0 => {
                    let raised = raise(&mut levels, number);
                    let is_merged = raised == Raised::Merged;
                    assert_eq!(is_merged, pending[at]);
                    nr_raised += 1;
                    nr_merged += u32::from(pending[at]);
                    pending[at] = true;
                }
                1 => {
                    let next = (1..16u8).rev().find(|n| pending[usize::from(*n)]);
                    let expected = next.filter(|next| *next > mask);
                    assert_eq!(begin(&mut levels), expected);
                    if let Some(next) = expected {
                        pending[usize::from(next)] = false;
                        running[depth] = next;
                        depth += 1;
                        nr_begun += 1;
                    }
                }
                2 if depth > 0 => {
                    depth -= 1;
                    if number % 2 == 0 && top <= LOCK_LEVEL {
                        levels = levels.block(level(top));
                        blocked[usize::from(top)] = true;
                    } else {
                        levels = levels.end(level(top));
                    }
                }
                3 if blocked[at] => {
                    levels = levels.finish(level(number));
                    blocked[at] = false;
                }
                _ => (),
            }
            assert_eq!(levels.top().map_or(0, Level::number), {
                if depth > 0 {
                    running[depth - 1]
                } else {
                    0
                }
            });
        }
        let waiting = pending.iter().filter(|is_pending| **is_pending).count() as u32;
        assert_eq!(nr_raised, nr_merged + nr_begun + waiting);
        assert!(nr_begun > 1000);
    }
}
