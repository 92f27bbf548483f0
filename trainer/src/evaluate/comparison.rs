//! Several ways to rank in one report, so that what is trained and what is served cannot drift apart unseen.

use serde::Serialize;

use super::bootstrap::Bootstrap;
use super::facts::{BundleFacts, DatasetFacts};
use super::intervals::{ByMetric, Difference, Paired};
use super::metrics::{Ranked, names, values};
use super::report::{EvaluateReport, Metrics};
use super::{EvaluateConfig, Via};

/// What one command measured. In JSON the first report's keys stand at the top, so that whoever reads one report can read
/// this.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The first way asked for.
    #[serde(flatten)]
    pub first: EvaluateReport,
    /// The others, in the order asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<EvaluateReport>,
    /// Each of the others against the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agreement: Vec<Agreement>,
    /// What was asked.
    pub settings: EvaluateConfig,
    /// What the dataset holds.
    pub dataset: DatasetFacts,
    /// What was measured.
    pub bundle: BundleFacts,
}

impl Comparison {
    /// Every report, in the order asked for.
    pub fn reports(&self) -> impl Iterator<Item = &EvaluateReport> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// How far one way to rank departs from the first on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// The one.
    pub via: Via,
    /// The first.
    pub against: Via,
    /// Share of the first `k` places whose products stand in the first `k` of the other list too, by cut; mean over rows.
    pub overlap: Metrics,
    /// Metrics of `via` less those of `against`.
    pub differences: ByMetric<Difference>,
}

impl Agreement {
    /// Compares the lists of two ways to rank the same rows.
    pub fn of(
        bootstrap: Bootstrap,
        owners: &[u32],
        cuts: &[usize],
        (via, lists): (Via, &[Ranked]),
        (against, first): (Via, &[Ranked]),
    ) -> Self {
        let of = |lists: &[Ranked]| lists.iter().flat_map(|list| values(list, cuts)).collect::<Vec<f64>>();
        let names = names(cuts);
        let paired = Paired::new(bootstrap, owners, &names, &[&of(lists), &of(first)]);
        let mean = |k: usize| {
            let shared = |(left, right): (&Ranked, &Ranked)| overlap(&left.items, &right.items, k);
            lists.iter().zip(first).map(shared).sum::<f64>() / lists.len().max(1) as f64
        };
        let overlap = cuts.iter().map(|&k| (format!("overlap@{k}"), mean(k))).collect();
        Self { via, against, overlap, differences: paired.differences(0, 1) }
    }
}

/// Items that both lists have in their first `k` places over the places of the longer one; 1 where both are empty.
fn overlap(left: &[u32], right: &[u32], k: usize) -> f64 {
    let (left, right) = (&left[..left.len().min(k)], &right[..right.len().min(k)]);
    let shared = left.iter().filter(|item| right.contains(item)).count();
    let longer = left.len().max(right.len());
    if longer == 0 { 1.0 } else { shared as f64 / longer as f64 }
}

#[cfg(test)]
mod tests {
    //! 1. Equal lists overlap wholly and do not differ; lists that share half of their places overlap by half.

    use super::*;

    #[test]
    fn agreement_is_that_of_places() {
        let lists =
            |shift: u32| -> Vec<Ranked> { (0..40).map(|_| Ranked::new((shift..shift + 4).collect(), &[1])).collect() };
        let owners: Vec<u32> = (0..40).collect();
        let compare = |shift: u32| {
            let bootstrap = Bootstrap::new(1);
            Agreement::of(bootstrap, &owners, &[2, 4], (Via::Served, &lists(shift)), (Via::Exact, &lists(0)))
        };
        let same = compare(0);
        assert_eq!((same.overlap["overlap@2"], same.overlap["overlap@4"]), (1.0, 1.0));
        assert_eq!(same.differences["recall@4"].mean, 0.0);
        let moved = compare(2);
        assert_eq!((moved.overlap["overlap@2"], moved.overlap["overlap@4"]), (0.0, 0.5));
        assert_eq!(moved.differences["recall@4"].interval.high, -1.0);
        assert_eq!(overlap(&[], &[], 3), 1.0);
        assert_eq!(overlap(&[1], &[1, 2], 3), 0.5);
    }
}
