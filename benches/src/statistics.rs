//! Summaries of measured values.

use std::time::Instant;

/// The smallest value that at least `share` of the values do not exceed (nearest rank); zero of none.
///
/// `share` is from 0 to 1; `values` are sorted on the way.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1).min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// The middle value, or the mean of the two middle ones; zero of none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        even if even.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// What `work` returns, and the seconds that it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

/// How fast queries were answered one by one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Singles {
    /// Queries a second of the median pass.
    pub qps: f64,
    /// Microseconds that half of all calls did not exceed.
    pub p50_us: f64,
    /// Microseconds that 99 of 100 calls did not exceed.
    pub p99_us: f64,
}

impl Singles {
    /// Sums up passes of as many calls each: the seconds that each call took.
    pub fn of(passes: &[Vec<f64>]) -> Self {
        let mut calls = passes.concat();
        let mut speeds: Vec<f64> = passes.iter().map(|calls| calls.len() as f64 / calls.iter().sum::<f64>()).collect();
        Self {
            qps: median(&mut speeds),
            p50_us: quantile(&mut calls, 0.5) * 1e6,
            p99_us: quantile(&mut calls, 0.99) * 1e6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let found = [0.0, 0.5, 0.99, 0.991, 1.0].map(|share| quantile(&mut values, share));
        assert_eq!(found, [1.0, 50.0, 99.0, 100.0, 100.0]);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut []), 0.0);
    }

    #[test]
    fn singles_are_summed_up_over_passes() {
        let got = Singles::of(&[vec![0.5, 0.5], vec![0.25, 0.25], vec![0.125, 0.125]]);
        assert_eq!(got, Singles { qps: 4.0, p50_us: 250_000.0, p99_us: 500_000.0 });
    }
}
