//! Metrics at many cuts: where in the list the good products stand.

use std::collections::BTreeMap;

use serde::Serialize;

use super::intervals::Baselines;
use super::metrics::{Ranked, ndcg, recall};

/// Recall and NDCG of every ranking at growing cuts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// The cuts, ascending: each up to 10, then fewer, the deepest last.
    pub cuts: Vec<usize>,
    /// Of the model.
    pub model: Line,
    /// Of simple rules.
    pub baselines: BTreeMap<String, Line>,
}

/// One ranking's values at the cuts of the curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Mean recall.
    pub recall: Vec<f64>,
    /// Mean NDCG.
    pub ndcg: Vec<f64>,
}

impl Curve {
    /// Up to the cut `deepest`.
    pub fn of(deepest: usize, lists: &[Ranked], baselines: &Baselines) -> Self {
        let spread = (1..=10).chain([12, 15, 20, 25, 30, 40, 50, 60, 80, 100]);
        let cuts: Vec<usize> = spread.filter(|&cut| cut < deepest).chain([deepest]).collect();
        let line = |lists: &[Ranked]| {
            let mean = |of: &dyn Fn(&Ranked, usize) -> f64| {
                let at = |&cut: &usize| lists.iter().map(|list| of(list, cut)).sum::<f64>() / lists.len().max(1) as f64;
                cuts.iter().map(at).collect()
            };
            Line {
                recall: mean(&|list, cut| recall(&list.hits, list.relevant, cut)),
                ndcg: mean(&|list, cut| ndcg(&list.hits, list.relevant, cut)),
            }
        };
        let (model, baselines) =
            (line(lists), baselines.iter().map(|(name, lists)| (name.clone(), line(lists))).collect());
        Self { cuts, model, baselines }
    }
}

#[cfg(test)]
mod tests {
    //! 1. The curve ends at the deepest cut with the metric of that cut, and recall never falls.

    use super::super::metrics::means;
    use super::*;

    #[test]
    fn it_ends_where_the_metrics_are() {
        let lists: Vec<Ranked> = (0..20).map(|row| Ranked::new((0..30).collect(), &[row, row + 9])).collect();
        for deepest in [1, 10, 11, 20, 30] {
            let curve = Curve::of(deepest, &lists, &Baselines::from([("rule".to_owned(), lists.clone())]));
            let expected = means(&lists, &[deepest], None);
            assert_eq!(curve.cuts.last(), Some(&deepest));
            assert!(curve.cuts.is_sorted_by(|left, right| left < right), "{:?}", curve.cuts);
            let close =
                |got: Option<&f64>, name: &str| (got.unwrap() - expected[&format!("{name}@{deepest}")]).abs() < 1e-12;
            assert!(close(curve.model.recall.last(), "recall") && close(curve.model.ndcg.last(), "ndcg"));
            assert!(curve.model.recall.is_sorted());
            assert_eq!(curve.baselines["rule"], curve.model);
        }
    }
}
