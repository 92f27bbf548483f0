//! How far a mean could be off by the luck of who was in the test: the percentile bootstrap over users.
//!
//! Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), chapters 6 and 13: draw as many users as there are,
//! with replacement, take the mean over their rows, do so many times, and report the quantiles of these means. All rows
//! of a user are drawn together, because they are not independent (the cluster bootstrap; Davison and Hinkley,
//! *Bootstrap Methods and their Application*, 1997, §3.8). Rankings are compared on the same draws, so that what makes a
//! user easy for both cancels (the paired bootstrap; Sakai, *Evaluating evaluation metrics based on the bootstrap*,
//! SIGIR 2006).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

/// How intervals are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bootstrap {
    /// Number of draws.
    pub resamples: usize,
    /// Share of draws whose mean lies in the interval, above 0 and below 1.
    pub confidence: f64,
    /// Decides the draws.
    pub seed: u64,
}

impl Bootstrap {
    /// A thousand draws and 95 percent.
    pub fn new(seed: u64) -> Self {
        Self { resamples: 1000, confidence: 0.95, seed }
    }
}

/// Where a mean lies, by the bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether the interval lies wholly above or wholly below zero.
    pub fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Draws looked at together: their counts of one user lie side by side, and the values stream by once for all of them.
const DRAWS_A_BLOCK: usize = 16;

/// Rows of several columns, added up for each user they belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    columns: usize,
    /// Number of rows of each user.
    rows: Vec<f64>,
    /// `(users, columns)`, row-major.
    sums: Vec<f64>,
}

impl Sample {
    /// `owners[row]` says whose row it is, by any number; `values` has `columns` numbers for each row, row-major.
    ///
    /// # Panics
    /// When `values` does not hold `columns` numbers for each of `owners`.
    pub fn new(owners: &[u32], columns: usize, values: &[f64]) -> Self {
        assert_eq!(values.len(), owners.len() * columns, "every row has a number in every column");
        let mut distinct = owners.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut rows = vec![0.0; distinct.len()];
        let mut sums = vec![0.0; distinct.len() * columns];
        for (row, owner) in owners.iter().enumerate() {
            let user = distinct.partition_point(|other| other < owner);
            rows[user] += 1.0;
            let of_row = &values[row * columns..][..columns];
            sums[user * columns..][..columns].iter_mut().zip(of_row).for_each(|(sum, value)| *sum += value);
        }
        Self { columns, rows, sums }
    }

    /// Number of users.
    pub fn users(&self) -> usize {
        self.rows.len()
    }
}

/// Means of every draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    confidence: f64,
    /// One vector of column means for each draw.
    means: Vec<Vec<f64>>,
}

impl Bootstrap {
    /// Draws from `sample`. The same for any number of threads: every draw has a random stream of its own, and adds up
    /// in the order of users.
    ///
    /// Cost: `resamples · users · columns` additions over all threads.
    pub fn draw(&self, sample: &Sample) -> Draws {
        let blocks: Vec<usize> = (0..self.resamples).step_by(DRAWS_A_BLOCK).collect();
        let block = |&first: &usize| self.block(sample, first..(first + DRAWS_A_BLOCK).min(self.resamples));
        Draws { confidence: self.confidence, means: blocks.par_iter().flat_map_iter(block).collect() }
    }

    fn block(&self, sample: &Sample, draws: std::ops::Range<usize>) -> Vec<Vec<f64>> {
        let (width, users) = (draws.len(), sample.users());
        let mut counts = vec![0u32; users * width];
        for (at, draw) in draws.enumerate() {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(draw as u64);
            for _ in 0..users {
                let user = (u64::from(rng.next_u32()) * users as u64) >> 32;
                counts[user as usize * width + at] += 1;
            }
        }
        let mut rows = vec![0.0; width];
        let mut sums = vec![vec![0.0; sample.columns]; width];
        for user in 0..users {
            let of_user = &sample.sums[user * sample.columns..][..sample.columns];
            for (at, &count) in counts[user * width..][..width].iter().enumerate().filter(|(_, count)| **count > 0) {
                rows[at] += f64::from(count) * sample.rows[user];
                sums[at].iter_mut().zip(of_user).for_each(|(sum, value)| *sum += f64::from(count) * value);
            }
        }
        for (sums, rows) in sums.iter_mut().zip(rows) {
            sums.iter_mut().for_each(|sum| *sum /= f64::max(rows, 1.0));
        }
        sums
    }
}

impl Draws {
    /// Where the mean of `column` lies.
    pub fn interval(&self, column: usize) -> Interval {
        self.quantiles(self.means.iter().map(|means| means[column]).collect())
    }

    /// Where the mean of `column` less that of `other` lies, on the same draws.
    pub fn difference(&self, column: usize, other: usize) -> Interval {
        self.quantiles(self.means.iter().map(|means| means[column] - means[other]).collect())
    }

    fn quantiles(&self, mut values: Vec<f64>) -> Interval {
        values.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.confidence) / 2.0;
        Interval { low: quantile(&values, tail), high: quantile(&values, 1.0 - tail) }
    }
}

/// The quantile of ascending `values` at `share`, 0 to 1, between neighbours in proportion, as numpy and R do by default
/// (Hyndman and Fan, *Sample quantiles in statistical packages*, 1996, type 7); zero where there is no value.
fn quantile(values: &[f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let place = share * last as f64;
    let (below, above) = (values[place.floor() as usize], values[(place.ceil() as usize).min(last)]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    //! 1. Draws equal drawing rows one by one, for any users, rows and columns.
    //! 2. The same seed gives the same draws with any number of threads, another seed gives others.
    //! 3. The interval of a mean of independent rows is about as wide as the normal one, and holds the truth about as often
    //!    as it says.
    //! 4. Repeating every row of a user leaves the interval as it is; spreading the repeats over new users narrows it.
    //! 5. The paired difference of a ranking with itself is nothing.

    use proptest::prelude::*;

    use super::*;

    /// The definition, draw by draw and row by row.
    fn slowly(bootstrap: &Bootstrap, owners: &[u32], columns: usize, values: &[f64]) -> Vec<Vec<f64>> {
        let users: std::collections::BTreeSet<u32> = owners.iter().copied().collect();
        let users: Vec<u32> = users.into_iter().collect();
        let draw = |draw: usize| {
            let mut rng = ChaCha8Rng::seed_from_u64(bootstrap.seed);
            rng.set_stream(draw as u64);
            let mut drawn = Vec::new();
            for _ in 0..users.len() {
                let user = users[((u64::from(rng.next_u32()) * users.len() as u64) >> 32) as usize];
                drawn.extend((0..owners.len()).filter(|&row| owners[row] == user));
            }
            let sum = |column: usize| drawn.iter().map(|row| values[row * columns + column]).sum::<f64>();
            (0..columns).map(|column| sum(column) / drawn.len() as f64).collect()
        };
        (0..bootstrap.resamples).map(draw).collect()
    }

    proptest! {
        #[test]
        fn draws_equal_the_definition(
            owners in prop::collection::vec(0u32..9, 1..40),
            columns in 1usize..4,
            numbers in prop::collection::vec(0.0f64..1.0, 120),
            resamples in 1usize..40,
            seed in any::<u64>(),
        ) {
            let values = &numbers[..owners.len() * columns];
            let bootstrap = Bootstrap { resamples, confidence: 0.9, seed };
            let draws = bootstrap.draw(&Sample::new(&owners, columns, values));
            let expected = slowly(&bootstrap, &owners, columns, values);
            prop_assert_eq!(draws.means.len(), resamples);
            for (got, expected) in draws.means.iter().flatten().zip(expected.iter().flatten()) {
                // Sums of at most 400 numbers below 1, in another order.
                prop_assert!((got - expected).abs() < 1e-12, "{} against {}", got, expected);
            }
        }
    }

    /// `count` rows that are 1 with chance .3, each of a user of its own.
    fn coins(count: usize, seed: u64) -> (Vec<u32>, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let coin = |_| f64::from(u8::from(f64::from(rng.next_u32()) < 0.3 * f64::from(u32::MAX)));
        ((0..count as u32).collect(), (0..count).map(coin).collect())
    }

    #[test]
    fn threads_do_not_matter_and_seeds_do() {
        let (owners, values) = coins(500, 3);
        let sample = Sample::new(&owners, 1, &values);
        let with = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Bootstrap { resamples: 100, ..Bootstrap::new(seed) }.draw(&sample))
        };
        assert_eq!(with(1, 5), with(4, 5));
        assert_ne!(with(1, 5), with(1, 6));
    }

    #[test]
    fn the_interval_is_as_wide_as_theory_says_and_holds_the_truth() {
        let (runs, rows) = (200, 400);
        let (mut held, mut width) = (0, 0.0);
        for run in 0..runs {
            let (owners, values) = coins(rows, run);
            let bootstrap = Bootstrap { resamples: 300, ..Bootstrap::new(run) };
            let interval = bootstrap.draw(&Sample::new(&owners, 1, &values)).interval(0);
            held += u32::from(interval.low <= 0.3 && 0.3 <= interval.high);
            width += (interval.high - interval.low) / runs as f64;
        }
        let normal = 2.0 * 1.96 * (0.3 * 0.7 / rows as f64).sqrt();
        assert!((width / normal - 1.0).abs() < 0.05, "{width} against {normal}");
        // 95 % of 200, give or take four standard deviations of √(200 · .95 · .05) ≈ 3.1, and a little less for few rows.
        assert!((176..=200).contains(&held), "{held} of {runs}");
    }

    #[test]
    fn repeats_of_a_user_tell_nothing_new() {
        let (owners, values) = coins(300, 9);
        let four = |list: &[f64]| list.iter().flat_map(|&value| [value; 4]).collect::<Vec<f64>>();
        let same: Vec<u32> = owners.iter().flat_map(|&owner| [owner; 4]).collect();
        let others: Vec<u32> = (0..same.len() as u32).collect();
        let width = |owners: &[u32], values: &[f64]| {
            let interval = Bootstrap::new(1).draw(&Sample::new(owners, 1, values)).interval(0);
            interval.high - interval.low
        };
        let once = width(&owners, &values);
        assert!((width(&same, &four(&values)) - once).abs() < 1e-9);
        assert!(width(&others, &four(&values)) < 0.6 * once);
    }

    #[test]
    fn a_ranking_does_not_differ_from_itself() {
        let (owners, values) = coins(50, 2);
        let twice: Vec<f64> = values.iter().flat_map(|&value| [value, value, value + 0.1]).collect();
        let draws = Bootstrap::new(4).draw(&Sample::new(&owners, 3, &twice));
        assert_eq!(draws.difference(0, 1), Interval { low: 0.0, high: 0.0 });
        let raised = draws.difference(2, 0);
        assert!((raised.low - 0.1).abs() < 1e-9 && raised.excludes_zero(), "{raised:?}");
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([1, 2, 4, 8], [.025, .5, .975]) = 1.075, 3, 7.7
        let values = [1.0, 2.0, 4.0, 8.0];
        for (share, expected) in [(0.025, 1.075), (0.5, 3.0), (0.975, 7.7)] {
            assert!((quantile(&values, share) - expected).abs() < 1e-12);
        }
    }
}
