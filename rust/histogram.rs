// SPDX-License-Identifier: GPL-2.0

//! Log-linear buckets: where a value is counted, and what a count says of it.
//!
//! Every power of two is cut into [`PER_OCTAVE`] buckets of equal width, so that
//! a bucket is never wider than 1/32 of its lower bound: what is read back is
//! at most 3.2 % more than what was counted, whatever the magnitude. Below
//! [`PER_OCTAVE`] every value has a bucket of its own.
//!
//! Only `core` is used, so that the tests also run on the host:
//! `rustc --test --edition 2021 rust/histogram.rs`.

/// Buckets for each power of two.
pub const PER_OCTAVE: usize = 1 << PER_OCTAVE_BITS;
const PER_OCTAVE_BITS: u32 = 5;

/// Values of this and more share the last bucket: 2^35 ns are 34 seconds.
pub const LIMIT: u64 = 1 << LIMIT_BITS;
const LIMIT_BITS: u32 = 35;

/// How many buckets there are: counts of 4 bytes each fit into a page.
pub const NR_BUCKETS: usize = (LIMIT_BITS - PER_OCTAVE_BITS + 1) as usize * PER_OCTAVE + 1;

/// The bucket that `value` is counted in: 0 to [`NR_BUCKETS`] - 1.
///
/// ```
/// # use irqlab::histogram::{bucket_of, lower_bound, upper_bound, LIMIT, NR_BUCKETS, PER_OCTAVE};
/// fn holds(value: u64) -> bool {
///     let bucket = bucket_of(value);
///     let is_exact = value < PER_OCTAVE as u64 && lower_bound(bucket) == upper_bound(bucket);
///     let is_last = value >= LIMIT && bucket == NR_BUCKETS - 1;
///     is_exact || is_last || (lower_bound(bucket)..=upper_bound(bucket)).contains(&value)
/// }
///
/// for value in [0, 1, 31, 32, 33, 1_000_000, LIMIT - 1, LIMIT, u64::MAX] {
///     assert!(holds(value));
/// }
/// ```
#[inline]
pub const fn bucket_of(value: u64) -> usize {
    if value >= LIMIT {
        return NR_BUCKETS - 1;
    }
    if value < PER_OCTAVE as u64 {
        return value as usize;
    }
    // The octave is the position of the highest bit; the next five bits say
    // where in it.
    let shift = value.ilog2() - PER_OCTAVE_BITS;
    let within = (value >> shift) as usize - PER_OCTAVE;
    (shift as usize + 1) * PER_OCTAVE + within
}

/// The lowest value that is counted in `bucket`.
pub const fn lower_bound(bucket: usize) -> u64 {
    if bucket < PER_OCTAVE {
        return bucket as u64;
    }
    let shift = bucket / PER_OCTAVE - 1;
    ((PER_OCTAVE + bucket % PER_OCTAVE) as u64) << shift
}

/// The highest value that is counted in `bucket`; of the last one, its lowest.
pub const fn upper_bound(bucket: usize) -> u64 {
    if bucket >= NR_BUCKETS - 1 {
        LIMIT
    } else {
        lower_bound(bucket + 1) - 1
    }
}

/// Percentiles in hundredths of a percent, as far as the lab prints them.
pub const P50: u32 = 5_000;
/// See [`P50`].
pub const P90: u32 = 9_000;
/// See [`P50`].
pub const P99: u32 = 9_900;
/// See [`P50`].
pub const P99_9: u32 = 9_990;

/// The value at or below which `percentile` hundredths of a percent of all
/// counted values lie: the upper bound of the bucket that holds it (nearest
/// rank, so exact to the bucket). `None` if nothing was counted.
///
/// `counts` gives the count of each bucket in order.
///
/// ```
/// # use irqlab::histogram::{bucket_of, percentile, upper_bound, NR_BUCKETS, P50, P90, P99, P99_9};
/// # use kernel::prelude::*;
/// fn summary(counts: &[u64]) -> [Option<u64>; 4] {
///     [P50, P90, P99, P99_9].map(|share| percentile(counts.iter().copied(), share))
/// }
///
/// let mut counts = KVec::from_elem(0, NR_BUCKETS, GFP_KERNEL)?;
/// assert_eq!(summary(&counts), [None; 4]);
/// counts[bucket_of(10)] = 9;
/// counts[bucket_of(1000)] = 1;
/// let highest = Some(upper_bound(bucket_of(1000)));
/// assert_eq!(summary(&counts), [Some(10), Some(10), highest, highest]);
/// ```
pub fn percentile(counts: impl Iterator<Item = u64> + Clone, percentile: u32) -> Option<u64> {
    let total: u64 = counts.clone().sum();
    if total == 0 {
        return None;
    }
    // Saturates beyond 10^15 counts, which nobody waits for.
    let rank = total.saturating_mul(u64::from(percentile)).div_ceil(10_000);
    let mut seen = 0u64;
    for (bucket, count) in counts.enumerate() {
        seen = seen.wrapping_add(count);
        if count > 0 && seen >= rank {
            return Some(upper_bound(bucket));
        }
    }
    None
}

#[cfg(any(test, CONFIG_KUNIT))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(irqlab_histogram))]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gap() {
        for bucket in 0..NR_BUCKETS - 1 {
            assert_eq!(bucket_of(lower_bound(bucket)), bucket);
            assert_eq!(bucket_of(upper_bound(bucket)), bucket);
            assert_eq!(bucket_of(upper_bound(bucket) + 1), bucket + 1);
        }
    }

    #[test]
    fn error_is_at_most_one_part_in_32() {
        for bucket in PER_OCTAVE..NR_BUCKETS - 1 {
            let (low, high) = (lower_bound(bucket), upper_bound(bucket));
            assert!((high - low) * PER_OCTAVE as u64 <= low);
        }
    }

    #[test]
    fn extremes_have_a_bucket() {
        assert_eq!(bucket_of(0), 0);
        assert_eq!(bucket_of(LIMIT - 1), NR_BUCKETS - 2);
        assert_eq!(bucket_of(LIMIT), NR_BUCKETS - 1);
        assert_eq!(bucket_of(u64::MAX), NR_BUCKETS - 1);
        assert_eq!(upper_bound(NR_BUCKETS - 1), LIMIT);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        // 1, 2, … 10, a bucket each.
        let counts = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        let at = |p| percentile(counts.iter().copied(), p);
        assert_eq!(at(P50), Some(5));
        assert_eq!(at(P90), Some(9));
        assert_eq!(at(P99), Some(10));
        assert_eq!(at(10_000), Some(10));
        assert_eq!(at(0), Some(1));
    }

    #[test]
    fn one_value_is_every_percentile() {
        let counts = [0, 0, 0, 7];
        for p in [P50, P90, P99, P99_9] {
            assert_eq!(percentile(counts.iter().copied(), p), Some(3));
        }
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(percentile([0, 0].iter().copied(), P50), None);
        assert_eq!(percentile(core::iter::empty(), P50), None);
    }
}
