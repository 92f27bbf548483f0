//! Ranking metrics: pure functions of where the relevant items stand.
//!
//! Every metric looks at the first `k` places of one list. `hits` are the places (0 is the best) of the relevant items
//! that the list holds, ascending; `relevant` is how many there are in all. Definitions follow He et al., *LightGCN*
//! (SIGIR 2020), §4.1: recall over all relevant items, binary NDCG with the ideal list cut at `min(k, relevant)`.

use std::collections::HashSet;

use super::report::Metrics;

/// Share of the relevant items that stand in the first `k` places, 0 to 1.
pub fn recall(hits: &[usize], relevant: usize, k: usize) -> f64 {
    ratio(found(hits, k), relevant)
}

/// Share of the first `k` places that hold a relevant item, 0 to 1.
pub fn precision(hits: &[usize], k: usize) -> f64 {
    ratio(found(hits, k), k)
}

/// `1` if a relevant item stands in the first `k` places, else `0`.
pub fn hit_rate(hits: &[usize], k: usize) -> f64 {
    ratio(found(hits, k).min(1), 1)
}

/// One over the place, counted from 1, of the first relevant item; `0` if it is not in the first `k` places.
pub fn reciprocal_rank(hits: &[usize], k: usize) -> f64 {
    match hits.first() {
        Some(&place) if place < k => 1.0 / (place + 1) as f64,
        _ => 0.0,
    }
}

/// Discounted gain `Σ 1 / log2(place + 2)` of the hits in the first `k` places over that of the best possible list.
pub fn ndcg(hits: &[usize], relevant: usize, k: usize) -> f64 {
    let ideal: f64 = (0..k.min(relevant)).map(discount).sum();
    let gained: f64 = hits.iter().take_while(|&&place| place < k).map(|&place| discount(place)).sum();
    if ideal > 0.0 { gained / ideal } else { 0.0 }
}

fn discount(place: usize) -> f64 {
    1.0 / ((place + 2) as f64).log2()
}

fn found(hits: &[usize], k: usize) -> usize {
    hits.partition_point(|&place| place < k)
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// One ranked list and what is relevant in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// Items, best first, without repeats; as deep as the deepest cut where the list goes that far.
    pub items: Vec<u32>,
    /// Places of the relevant items in `items`, ascending.
    pub hits: Vec<usize>,
    /// Number of relevant items, whether listed or not; at least 1.
    pub relevant: usize,
}

impl Ranked {
    /// Looks up `relevant`, an ascending list without repeats, in `items`.
    pub fn new(items: Vec<u32>, relevant: &[u32]) -> Self {
        let is_hit = |place: &usize| relevant.binary_search(&items[*place]).is_ok();
        let hits = (0..items.len()).filter(is_hit).collect();
        Self { items, hits, relevant: relevant.len() }
    }
}

/// Names of every metric at every cut, in the order of [`values`].
pub fn names(cuts: &[usize]) -> Vec<String> {
    let at = |k: &usize| ["recall", "ndcg", "precision", "mrr", "hit_rate"].map(|metric| format!("{metric}@{k}"));
    cuts.iter().flat_map(at).collect()
}

/// Every metric of one list at every cut.
pub fn values(list: &Ranked, cuts: &[usize]) -> Vec<f64> {
    let Ranked { hits, relevant, .. } = list;
    let at = |&k: &usize| {
        [
            recall(hits, *relevant, k),
            ndcg(hits, *relevant, k),
            precision(hits, k),
            reciprocal_rank(hits, k),
            hit_rate(hits, k),
        ]
    };
    cuts.iter().flat_map(at).collect()
}

/// Means over `lists` of every metric at every cut, and with `catalogue` (the number of items there are) the coverage:
/// the share of them that stands in the first `k` places of any list.
///
/// The means are taken in the order of `lists`, so that equal input gives equal output to the last bit.
pub fn means(lists: &[Ranked], cuts: &[usize], catalogue: Option<usize>) -> Metrics {
    let names = names(cuts);
    let mut sums = vec![0.0; names.len()];
    for list in lists {
        sums.iter_mut().zip(values(list, cuts)).for_each(|(sum, value)| *sum += value);
    }
    let mean = |sum: f64| sum / lists.len().max(1) as f64;
    let mut metrics: Metrics = names.into_iter().zip(sums.into_iter().map(mean)).collect();
    if let Some(catalogue) = catalogue {
        metrics.extend(cuts.iter().map(|&k| (format!("coverage@{k}"), coverage(lists, k, catalogue))));
    }
    metrics
}

/// Share of a catalogue of `catalogue` items that stands in the first `k` places of any list.
pub fn coverage(lists: &[Ranked], k: usize, catalogue: usize) -> f64 {
    let shown: HashSet<u32> = lists.iter().flat_map(|list| list.items.iter().take(k).copied()).collect();
    ratio(shown.len(), catalogue)
}

#[cfg(test)]
mod tests {
    //! 1. Every metric equals a slow reading of its definition, for random lists and cuts.
    //! 2. Every metric lies in 0..=1 and the perfect list reaches 1 where that is possible.
    //! 3. Published worked numbers hold.

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The definitions, place by place.
    fn slowly(items: &[u32], relevant: &BTreeSet<u32>, k: usize) -> [f64; 5] {
        let top: Vec<bool> = items.iter().take(k).map(|item| relevant.contains(item)).collect();
        let count = top.iter().filter(|&&hit| hit).count() as f64;
        let gain = |places: &[bool]| {
            let mut sum = 0.0;
            for (place, &hit) in places.iter().enumerate() {
                sum += if hit { 1.0 / (place as f64 + 2.0).log2() } else { 0.0 };
            }
            sum
        };
        let ideal = gain(&vec![true; k.min(relevant.len())]);
        let first = top.iter().position(|&hit| hit);
        [
            count / relevant.len() as f64,
            gain(&top) / ideal,
            count / k as f64,
            first.map_or(0.0, |place| 1.0 / (place as f64 + 1.0)),
            f64::from(u8::from(count > 0.0)),
        ]
    }

    proptest! {
        #[test]
        fn metrics_equal_their_definitions(
            items in Just((0u32..40).collect::<Vec<_>>()).prop_shuffle(),
            depth in 0usize..40,
            relevant in prop::collection::btree_set(0u32..60, 1..20),
            k in 1usize..50,
        ) {
            let items = items[..depth].to_vec();
            let expected = slowly(&items, &relevant, k);
            let list = Ranked::new(items, &relevant.iter().copied().collect::<Vec<_>>());
            let got = [
                recall(&list.hits, list.relevant, k),
                ndcg(&list.hits, list.relevant, k),
                precision(&list.hits, k),
                reciprocal_rank(&list.hits, k),
                hit_rate(&list.hits, k),
            ];
            for (got, expected) in got.iter().zip(expected) {
                prop_assert!((got - expected).abs() < 1e-12, "{got} against {expected}");
                prop_assert!((0.0..=1.0 + 1e-12).contains(got));
            }
        }

        #[test]
        fn the_perfect_list_has_ndcg_one(relevant in prop::collection::btree_set(0u32..60, 1..20), k in 1usize..50) {
            let relevant: Vec<u32> = relevant.into_iter().collect();
            let list = Ranked::new(relevant.clone(), &relevant);
            prop_assert!((ndcg(&list.hits, list.relevant, k) - 1.0).abs() < 1e-12);
            prop_assert!((recall(&list.hits, list.relevant, k.max(relevant.len())) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_worked_example() {
        // Relevant items at places 1 and 3 of five, one more not listed: DCG = 1/log2(3) + 1/log2(5).
        let list = Ranked::new(vec![9, 4, 8, 2, 7], &[2, 4, 30]);
        assert_eq!(list.hits, [1, 3]);
        let gained = 1.0 / 3f64.log2() + 1.0 / 5f64.log2();
        let ideal = 1.0 + 1.0 / 3f64.log2() + 0.5;
        assert!((ndcg(&list.hits, 3, 5) - gained / ideal).abs() < 1e-12);
        assert_eq!(reciprocal_rank(&list.hits, 5), 0.5);
        assert_eq!(recall(&list.hits, 3, 3), 1.0 / 3.0);
    }

    #[test]
    fn means_name_every_metric_and_cut() {
        let lists = [Ranked::new(vec![0, 1], &[0]), Ranked::new(vec![0, 2], &[5])];
        let metrics = means(&lists, &[1, 2], Some(10));
        assert_eq!(metrics.len(), 12);
        assert_eq!(metrics["recall@1"], 0.5);
        assert_eq!(metrics["coverage@1"], 0.1);
        assert_eq!(metrics["coverage@2"], 0.3);
    }
}
