// SPDX-License-Identifier: GPL-2.0

//! Lines that interrupt without end.

/// A line's number, and how often it has interrupted.
pub(crate) type Count = (u32, usize);

/// A line that has interrupted so often since those counts that nobody can have claimed it, and how often: of
/// 100 000 that hardly anybody claims the kernel disables a line, until somebody requests it.
pub(crate) fn stuck(before: &[Count], now: &[Count]) -> Option<Count> {
    const NR_UNCLAIMED: usize = 99_900;

    let since = |&(irq, count): &Count| {
        let (_, before) = before.iter().find(|(other, _)| *other == irq)?;
        Some((irq, count.wrapping_sub(*before)))
    };
    now.iter()
        .filter_map(since)
        .find(|(_, count)| *count >= NR_UNCLAIMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_stuck_by_what_came_since() {
        let before = [(5, 1_000_000), (11, 7)];
        assert_eq!(stuck(&before, &[(5, 1_000_100), (11, 99_906)]), None);
        assert_eq!(
            stuck(&before, &[(5, 1_000_100), (11, 99_907)]),
            Some((11, 99_900))
        );
    }

    #[test]
    fn a_count_goes_on_from_0() {
        let before = [(11, usize::MAX)];
        assert_eq!(stuck(&before, &[(11, 10)]), None);
        assert_eq!(stuck(&before, &[(11, 99_999)]), Some((11, 100_000)));
    }

    #[test]
    fn a_new_line_is_not_judged() {
        assert_eq!(stuck(&[], &[(11, 1_000_000)]), None);
    }

    #[test]
    fn lines_are_told_by_number_not_by_place() {
        let before = [(11, 0), (5, 500_000)];
        assert_eq!(stuck(&before, &[(5, 500_000), (11, 100)]), None);
    }
}
