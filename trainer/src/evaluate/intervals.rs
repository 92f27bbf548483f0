//! Intervals of every metric, and of the difference to each baseline.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bootstrap::{Bootstrap, Draws, Interval, Sample};
use super::metrics::{Ranked, names, values};

/// Intervals by metric.
pub type ByMetric<T> = BTreeMap<String, T>;

/// The lists of simple rules on the rows of a task, by name of the rule.
pub type Baselines = BTreeMap<String, Vec<Ranked>>;

/// How much better one ranking is than another on the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Mean of the one less mean of the other.
    pub mean: f64,
    /// Where it lies, by the paired bootstrap.
    #[serde(flatten)]
    pub interval: Interval,
}

/// Where the means lie, by the bootstrap over users.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intervals {
    /// How they were made.
    #[serde(flatten)]
    pub bootstrap: Bootstrap,
    /// Users, or groups, that were drawn from.
    pub users: u64,
    /// Of the model.
    pub metrics: ByMetric<Interval>,
    /// Of each baseline.
    pub baselines: BTreeMap<String, ByMetric<Interval>>,
    /// Of the model less each baseline.
    pub differences: BTreeMap<String, ByMetric<Difference>>,
}

impl Intervals {
    /// Draws over `owners`, which say whose row each list is, for `model` and `baselines` at `cuts`.
    pub fn of(bootstrap: Bootstrap, owners: &[u32], cuts: &[usize], model: &[Ranked], baselines: &Baselines) -> Self {
        let of = |lists: &[Ranked]| lists.iter().flat_map(|list| values(list, cuts)).collect::<Vec<f64>>();
        let others = baselines.iter().map(|(name, lists)| (name.clone(), of(lists))).collect();
        Self::of_values(bootstrap, owners, &names(cuts), &of(model), &others)
    }

    /// The same for anything that is a mean over rows: `model` and each of `baselines` hold a number of each of `names`
    /// for each row, row-major.
    pub(super) fn of_values(
        bootstrap: Bootstrap,
        owners: &[u32],
        names: &[String],
        model: &[f64],
        baselines: &BTreeMap<String, Vec<f64>>,
    ) -> Self {
        let rankings: Vec<&[f64]> = std::iter::once(model).chain(baselines.values().map(Vec::as_slice)).collect();
        let paired = Paired::new(bootstrap, owners, names, &rankings);
        let numbered = || baselines.keys().cloned().zip(1..);
        Self {
            bootstrap,
            users: paired.users as u64,
            metrics: paired.intervals(0),
            baselines: numbered().map(|(name, ranking)| (name, paired.intervals(ranking))).collect(),
            differences: numbered().map(|(name, ranking)| (name, paired.differences(0, ranking))).collect(),
        }
    }
}

/// Rankings of the same rows, drawn together.
pub(super) struct Paired<'a> {
    users: usize,
    names: &'a [String],
    means: Vec<f64>,
    draws: Draws,
}

impl<'a> Paired<'a> {
    /// Each of `rankings` holds a number of each of `names` for each of `owners`, row-major.
    pub(super) fn new(bootstrap: Bootstrap, owners: &[u32], names: &'a [String], rankings: &[&[f64]]) -> Self {
        let width = names.len();
        let of_row = |row: usize| rankings.iter().flat_map(move |numbers| &numbers[row * width..][..width]).copied();
        let numbers: Vec<f64> = (0..owners.len()).flat_map(of_row).collect();
        let columns = width * rankings.len();
        let mut means = vec![0.0; columns];
        for row in numbers.chunks_exact(columns.max(1)) {
            means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
        }
        means.iter_mut().for_each(|mean| *mean /= owners.len().max(1) as f64);
        let sample = Sample::new(owners, columns, &numbers);
        Self { users: sample.users(), names, means, draws: bootstrap.draw(&sample) }
    }

    /// Of one ranking.
    fn intervals(&self, ranking: usize) -> ByMetric<Interval> {
        let first = ranking * self.names.len();
        let numbered = self.names.iter().enumerate();
        numbered.map(|(metric, name)| (name.clone(), self.draws.interval(first + metric))).collect()
    }

    /// Of `ranking` less `other`.
    pub(super) fn differences(&self, ranking: usize, other: usize) -> ByMetric<Difference> {
        let difference = |metric: usize| {
            let (one, two) = (ranking * self.names.len() + metric, other * self.names.len() + metric);
            Difference { mean: self.means[one] - self.means[two], interval: self.draws.difference(one, two) }
        };
        self.names.iter().enumerate().map(|(metric, name)| (name.clone(), difference(metric))).collect()
    }
}

#[cfg(test)]
mod tests {
    //! 1. Every metric of the model and of each baseline has an interval around its mean, and a difference.
    //! 2. JSON names the ends `low` and `high`.

    use super::super::metrics::means;
    use super::*;

    #[test]
    fn intervals_hold_their_means() {
        let lists = |shift: u32| (0..60).map(|row| Ranked::new(vec![row % 5, 9], &[(row + shift) % 5])).collect();
        let (model, other): (Vec<Ranked>, Vec<Ranked>) = (lists(0), (0..60).map(|row| list_of(row % 3)).collect());
        let owners: Vec<u32> = (0..60).collect();
        let baselines = BTreeMap::from([("rule".to_owned(), other.clone())]);
        let found = Intervals::of(Bootstrap::new(1), &owners, &[1, 2], &model, &baselines);
        let (ours, theirs) = (means(&model, &[1, 2], None), means(&other, &[1, 2], None));
        assert_eq!((found.users, found.metrics.len()), (60, ours.len()));
        for (metric, mean) in &ours {
            let Interval { low, high } = found.metrics[metric];
            assert!(low <= mean + 1e-12 && mean - 1e-12 <= high, "{metric}: {mean} in {low}..{high}");
            let difference = found.differences["rule"][metric];
            assert!((difference.mean - (mean - theirs[metric])).abs() < 1e-12);
            assert!(found.baselines["rule"][metric].low <= theirs[metric] + 1e-12);
        }
        assert!(found.differences["rule"]["recall@1"].interval.excludes_zero());
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!((&json["resamples"], &json["confidence"]), (&1000.into(), &0.95.into()));
        assert!(json["metrics"]["recall@1"]["low"].is_number());
        assert!(json["differences"]["rule"]["recall@1"]["high"].is_number());
    }

    fn list_of(place: u32) -> Ranked {
        Ranked::new(vec![0, 1, 2], &[place])
    }
}
