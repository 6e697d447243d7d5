// SPDX-License-Identifier: GPL-2.0

//! A round-robin tournament: who meets whom in which round, so that all meet once and nobody has two partners at
//! a time.
//!
//! The circle method: one stays, and the others move on by one seat around a table in each round; who sits
//! opposite is the partner. With an odd number the one who stays is nobody, and their partner has a rest.
//!
//! Only `core` is used, so that the tests also run on the host.

/// How many rounds it takes until each of `nr` has met all others.
pub(crate) const fn nr_rounds(nr: usize) -> usize {
    nr.next_multiple_of(2).saturating_sub(1)
}

/// The pairs of a round, which share nobody: half as many as there are players, at most.
pub(crate) fn pairs(nr: usize, round: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let nr_seats = nr_rounds(nr);
    let seat = move |at: usize| at % nr_seats.max(1);
    let stays = core::iter::once((seat(round), nr_seats));
    let others =
        (1..nr_seats.div_ceil(2)).map(move |k| (seat(round + k), seat(round + nr_seats - k)));
    stays
        .chain(others)
        .map(|(one, other)| (one.min(other), one.max(other)))
        .filter(move |(_, other)| *other < nr)
}

#[cfg(any(test, CONFIG_KUNIT))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(irqlab_tournament))]
mod tests {
    use super::*;

    const MOST: usize = 65;

    #[test]
    fn all_meet_once() {
        for nr in 0..=MOST {
            // A bit for each partner, as a kernel's stack is small.
            let mut met = [0u128; MOST];
            for round in 0..nr_rounds(nr) {
                for (one, other) in pairs(nr, round) {
                    assert!(one < other && other < nr);
                    assert_eq!(met[one] & 1 << other, 0);
                    met[one] |= 1 << other;
                }
            }
            for one in 0..nr {
                for other in one + 1..nr {
                    assert_ne!(met[one] & 1 << other, 0);
                }
            }
        }
    }

    #[test]
    fn nobody_has_two_partners() {
        for nr in 0..=MOST {
            for round in 0..nr_rounds(nr) {
                let mut is_taken = [false; MOST];
                for (one, other) in pairs(nr, round) {
                    assert!(!core::mem::replace(&mut is_taken[one], true));
                    assert!(!core::mem::replace(&mut is_taken[other], true));
                }
                // All but the one who has a rest.
                assert_eq!(pairs(nr, round).count(), nr / 2);
            }
        }
    }

    #[test]
    fn two_need_one_round_and_512_need_511() {
        assert_eq!(nr_rounds(2), 1);
        assert_eq!(nr_rounds(3), 3);
        assert_eq!(nr_rounds(512), 511);
    }
}
