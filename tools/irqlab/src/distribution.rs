// SPDX-License-Identifier: GPL-2.0

//! Distributions of latencies, as the lab counts them: in buckets of 3 %.

use serde_json::Value;

/// What one stage of one mechanism took, or a call from one CPU to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// From, to (both inclusive, in ns), and how many; in ascending order.
    buckets: Vec<(f64, f64, f64)>,
}

impl Distribution {
    /// The rows whose `column` says `what`.
    pub fn of(rows: &Value, column: &str, what: &str) -> Self {
        Self::of_rows(rows.as_array().map_or(&[], Vec::as_slice), column, what)
    }

    pub fn of_rows(rows: &[Value], column: &str, what: &str) -> Self {
        let rows = rows.iter().filter(|row| row[column] == what);
        let bucket = |row: &Value| {
            Some((
                row["from_ns"].as_f64()?,
                row["to_ns"].as_f64()?,
                row["count"].as_f64()?,
            ))
        };
        let mut buckets: Vec<_> = rows.filter_map(bucket).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { buckets }
    }

    pub fn count(&self) -> f64 {
        self.buckets.iter().map(|(_, _, count)| count).sum()
    }

    /// The end of the bucket in which a part of all (0 to 1) is reached, as the lab gives it.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let wanted = (self.count() * part).ceil().max(1.0);
        let mut passed = 0.0;
        self.buckets.iter().find_map(|(_, to, count)| {
            passed += count;
            (passed >= wanted).then_some(*to)
        })
    }

    /// Several of them, or none of nothing.
    pub fn quantiles<const N: usize>(&self, parts: [f64; N]) -> Option<[f64; N]> {
        (self.count() > 0.0).then(|| parts.map(|part| self.quantile(part).unwrap_or_default()))
    }

    pub fn min(&self) -> Option<f64> {
        self.buckets.first().map(|bucket| bucket.0)
    }

    pub fn max(&self) -> Option<f64> {
        self.buckets.last().map(|bucket| bucket.1)
    }

    /// (latency, part of all that took at most that), for a curve.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let (all, mut passed) = (self.count(), 0.0);
        let points = self.buckets.iter().map(|(_, to, count)| {
            passed += count;
            (*to, passed / all)
        });
        self.min()
            .map(|min| (min, 0.0))
            .into_iter()
            .chain(points)
            .collect()
    }

    /// The probability that chance alone puts two samples of one distribution as far apart as these are: the
    /// rank sum test of Mann and Whitney, with ties, by its normal approximation.
    pub fn chance(&self, other: &Self) -> f64 {
        let (n, m) = (self.count(), other.count());
        if n == 0.0 || m == 0.0 {
            return 1.0;
        }
        let mut values: Vec<(f64, f64, f64)> = Vec::new();
        values.extend(self.buckets.iter().map(|(_, to, count)| (*to, *count, 0.0)));
        values.extend(
            other
                .buckets
                .iter()
                .map(|(_, to, count)| (*to, 0.0, *count)),
        );
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut below, mut sum, mut ties) = (0.0, 0.0, 0.0);
        for group in values.chunk_by(|a, b| a.0 == b.0) {
            let own: f64 = group.iter().map(|value| value.1).sum();
            let size: f64 = group.iter().map(|value| value.1 + value.2).sum();
            // All of a group have the mean of its ranks.
            sum += own * (below + (size + 1.0) / 2.0);
            ties += size.powi(3) - size;
            below += size;
        }
        let all = n + m;
        let u = sum - n * (n + 1.0) / 2.0;
        let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
        if variance <= 0.0 {
            return 1.0;
        }
        let z = (u - n * m / 2.0).abs() / variance.sqrt();
        two_tails(z)
    }
}

/// The probability that a normal deviate is further than `z` from 0 (Abramowitz and Stegun, 26.2.17).
fn two_tails(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let series = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    (2.0 * (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt() * series).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(buckets: &[(u64, u64)]) -> Distribution {
        let rows: Vec<_> = buckets
            .iter()
            .map(|(from, count)| json!({"stage": "top", "from_ns": from, "to_ns": from + 9, "count": count}))
            .collect();
        Distribution::of_rows(&rows, "stage", "top")
    }

    #[test]
    fn quantiles_are_ends_of_buckets() {
        let some = of(&[(10, 50), (20, 49), (90, 1)]);
        assert_eq!(some.quantile(0.5), Some(19.0));
        assert_eq!(some.quantile(0.51), Some(29.0));
        assert_eq!(some.quantile(1.0), Some(99.0));
        assert_eq!(
            some.curve(),
            [(10.0, 0.0), (19.0, 0.5), (29.0, 0.99), (99.0, 1.0)]
        );
        assert_eq!(Distribution::default().quantile(0.5), None);
    }

    #[test]
    fn chance_tells_apart_what_is_apart() {
        let a = of(&[(10, 50), (20, 50)]);
        assert!(a.chance(&a) > 0.9);
        assert!(a.chance(&of(&[(10, 48), (20, 52)])) > 0.5);
        assert!(a.chance(&of(&[(40, 50), (50, 50)])) < 1e-6);
        assert_eq!(a.chance(&Distribution::default()), 1.0);
    }

    #[test]
    fn the_tails_of_the_normal_distribution() {
        assert!((two_tails(1.96) - 0.05).abs() < 1e-3);
        assert!((two_tails(0.0) - 1.0).abs() < 1e-3);
    }
}
