//! What a ranking makes visible, beyond whether it is right: how much of the catalogue, how surprising, how popular.
//!
//! - self-information: Zhou et al., *Solving the apparent diversity-accuracy dilemma of recommender systems* (PNAS 2010)
//! - popularity of what is listed: Yin et al., *Challenging the long tail recommendation* (VLDB 2012)
//! - long tail: Abdollahpouri, Burke and Mobasher, *Controlling popularity bias in learning-to-rank recommendation*
//!   (RecSys 2017), who call the products behind 80 % of all interactions the short head
//! - Gini coefficient of exposure: Fleder and Hosanagar, *Blockbuster culture's next rise or fall* (2009)

use std::collections::BTreeMap;

use serde::Serialize;

use super::bootstrap::Bootstrap;
use super::intervals::{Baselines, Intervals};
use super::metrics::{Ranked, coverage};
use super::rank::order_by_score;
use super::report::Metrics;
use super::source::UNKNOWN;

/// Parts into which products are sorted by popularity, each with the same share of all training interactions.
pub const PARTS: usize = 10;
/// The first part of the long tail: before it lie 80 % of all training interactions.
const TAIL_FROM: usize = 8;

/// How popular each product was in training.
#[derive(Debug, Clone, PartialEq)]
pub struct Popularity {
    /// Users who had the product.
    users: Vec<f64>,
    /// Self-information of meeting somebody who had it, in bits.
    bits: Vec<f64>,
    /// Place by popularity over the number of other products: 0 is the most popular, 1 the least; ties share their mean.
    rank: Vec<f64>,
    /// Which of [`PARTS`] it is in.
    part: Vec<usize>,
}

impl Popularity {
    /// From the number of training users of each product, and the number of users with training products.
    pub fn new(users_of: &[f32], users: usize) -> Self {
        let order = order_by_score(users_of);
        let mut popularity = Self {
            users: users_of.iter().copied().map(f64::from).collect(),
            bits: users_of.iter().map(|&had| (users.max(1) as f64 / f64::from(had.max(1.0))).log2()).collect(),
            rank: vec![0.0; users_of.len()],
            part: vec![PARTS - 1; users_of.len()],
        };
        let last = users_of.len().saturating_sub(1).max(1) as f64;
        let mut place = 0;
        for ties in order.chunk_by(|&left, &right| users_of[left as usize] == users_of[right as usize]) {
            let mean = place as f64 + (ties.len() - 1) as f64 / 2.0;
            ties.iter().for_each(|&product| popularity.rank[product as usize] = mean / last);
            place += ties.len();
        }
        let all: f64 = popularity.users.iter().sum();
        let mut before = 0.0;
        for &product in &order {
            let had = popularity.users[product as usize];
            if had > 0.0 {
                let middle = (before + had / 2.0) / all;
                popularity.part[product as usize] = ((middle * PARTS as f64) as usize).min(PARTS - 1);
            }
            before += had;
        }
        popularity
    }

    /// Number of products.
    fn len(&self) -> usize {
        self.users.len()
    }

    fn is_tail(&self, product: u32) -> bool {
        self.part[product as usize] >= TAIL_FROM
    }

    /// Means over `products` of the four measures that every list has, in the order of [`NAMES`].
    fn means(&self, products: &[u32]) -> [f64; 4] {
        let mut sums = [0.0; 4];
        for &product in products {
            let at = product as usize;
            let of = [self.bits[at], self.users[at], self.rank[at], f64::from(u8::from(self.is_tail(product)))];
            sums.iter_mut().zip(of).for_each(|(sum, value)| *sum += value);
        }
        sums.map(|sum| sum / products.len().max(1) as f64)
    }
}

/// Measures that every list has, and so an interval.
const NAMES: [&str; 4] = ["novelty", "popularity", "popularity_rank", "long_tail"];

/// What rankings make visible, beside what people chose in the test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExposureReport {
    /// The model: each measure at each cut.
    pub model: Metrics,
    /// Simple rules on the same rows.
    pub baselines: BTreeMap<String, Metrics>,
    /// The same of the test products, without a cut: what an unbiased ranking would come near.
    pub test_rows: Metrics,
    /// Of the means over lists, at the deepest cut.
    pub intervals: Intervals,
    /// Where the places go.
    pub parts: Parts,
}

/// Shares of all places by popularity of the product: [`PARTS`] parts, the most popular products first, of a tenth of
/// all training interactions each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parts {
    /// Products in each part.
    pub products: Vec<u64>,
    /// Of the model's places at the deepest cut.
    pub model: Vec<f64>,
    /// Of the baselines' places.
    pub baselines: BTreeMap<String, Vec<f64>>,
    /// Of the test products.
    pub test_rows: Vec<f64>,
}

impl ExposureReport {
    /// Measures `lists` and `baselines` at `cuts`, which ascend; `relevant` has the test products of each row.
    pub fn of(
        popularity: &Popularity,
        cuts: &[usize],
        bootstrap: Bootstrap,
        owners: &[u32],
        (lists, baselines): (&[Ranked], &Baselines),
        relevant: &[&[u32]],
    ) -> Self {
        let at_cuts = |lists: &[Ranked]| {
            let at = |&k: &usize| {
                let shown: Vec<&[u32]> = lists.iter().map(|list| top(list, k)).collect();
                let mut measures = measures(popularity, &shown, &format!("@{k}"));
                measures.insert(format!("coverage@{k}"), coverage(lists, k, popularity.len()));
                measures
            };
            cuts.iter().flat_map(at).collect::<Metrics>()
        };
        let deepest = cuts.last().copied().unwrap_or(0);
        let known: Vec<&[u32]> = relevant.iter().map(|products| without_unknown(products)).collect();
        let parts =
            |lists: &[Ranked]| shares(popularity, &lists.iter().map(|list| top(list, deepest)).collect::<Vec<_>>());
        let mut counts = vec![0; PARTS];
        popularity.part.iter().for_each(|&part| counts[part] += 1);
        let each = |(name, lists): (&String, &Vec<Ranked>)| (name.clone(), at_cuts(lists));
        let each_parts = |(name, lists): (&String, &Vec<Ranked>)| (name.clone(), parts(lists));
        Self {
            model: at_cuts(lists),
            baselines: baselines.iter().map(each).collect(),
            test_rows: of_test(popularity, &known),
            intervals: intervals(popularity, deepest, bootstrap, owners, (lists, baselines)),
            parts: Parts {
                products: counts,
                model: parts(lists),
                baselines: baselines.iter().map(each_parts).collect(),
                test_rows: shares(popularity, &known),
            },
        }
    }
}

fn top(list: &Ranked, k: usize) -> &[u32] {
    &list.items[..list.items.len().min(k)]
}

/// `products`, ascending, without those that the bundle does not know, which stand last.
fn without_unknown(products: &[u32]) -> &[u32] {
    &products[..products.partition_point(|&product| product != UNKNOWN)]
}

/// Means over the lists that hold something, and the Gini coefficient of all their places.
fn measures(popularity: &Popularity, lists: &[&[u32]], cut: &str) -> Metrics {
    let mut sums = [0.0; 4];
    let mut places = vec![0.0; popularity.len()];
    let filled: Vec<&&[u32]> = lists.iter().filter(|list| !list.is_empty()).collect();
    for list in &filled {
        sums.iter_mut().zip(popularity.means(list)).for_each(|(sum, value)| *sum += value);
        list.iter().for_each(|&product| places[product as usize] += 1.0);
    }
    let means = sums.map(|sum| sum / filled.len().max(1) as f64);
    let mut measures: Metrics = NAMES.iter().zip(means).map(|(name, mean)| (format!("{name}{cut}"), mean)).collect();
    measures.insert(format!("gini{cut}"), gini(places));
    measures
}

fn of_test(popularity: &Popularity, relevant: &[&[u32]]) -> Metrics {
    let mut measures = measures(popularity, relevant, "");
    let mut shown: Vec<u32> = relevant.concat();
    shown.sort_unstable();
    shown.dedup();
    measures.insert("coverage".to_owned(), shown.len() as f64 / popularity.len().max(1) as f64);
    measures
}

/// Inequality of `values`, none below zero: 0 where all are equal, towards 1 where one has everything.
///
/// `Σ (2i − n − 1) xᵢ / (n Σ xᵢ)` over the ascending values, `i` counted from 1.
pub fn gini(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let (count, all) = (values.len() as f64, values.iter().sum::<f64>());
    let weighed = |(at, value): (usize, f64)| (2.0 * (at as f64 + 1.0) - count - 1.0) * value;
    if all > 0.0 { values.into_iter().enumerate().map(weighed).sum::<f64>() / (count * all) } else { 0.0 }
}

fn shares(popularity: &Popularity, lists: &[&[u32]]) -> Vec<f64> {
    let mut places = vec![0.0; PARTS];
    for &product in lists.iter().copied().flatten() {
        places[popularity.part[product as usize]] += 1.0;
    }
    let all: f64 = places.iter().sum();
    places.into_iter().map(|count: f64| count / all.max(1.0)).collect()
}

/// Of the rows that every ranking fills.
fn intervals(
    popularity: &Popularity,
    k: usize,
    bootstrap: Bootstrap,
    owners: &[u32],
    (lists, baselines): (&[Ranked], &Baselines),
) -> Intervals {
    let names: Vec<String> = NAMES.iter().map(|name| format!("{name}@{k}")).collect();
    let is_filled =
        |row: &usize| !lists[*row].items.is_empty() && baselines.values().all(|lists| !lists[*row].items.is_empty());
    let rows: Vec<usize> = (0..owners.len()).filter(is_filled).collect();
    let owners: Vec<u32> = rows.iter().map(|&row| owners[row]).collect();
    let of =
        |lists: &[Ranked]| -> Vec<f64> { rows.iter().flat_map(|&row| popularity.means(top(&lists[row], k))).collect() };
    let others = baselines.iter().map(|(name, lists)| (name.clone(), of(lists))).collect();
    Intervals::of_values(bootstrap, &owners, &names, &of(lists), &others)
}

#[cfg(test)]
mod tests {
    //! 1. The Gini coefficient equals its definition by pairs, whatever the values.
    //! 2. Parts share out the interactions: no part has more than a tenth plus one product, and popularity falls.
    //! 3. A worked example: every measure of two lists over four products.

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn gini_equals_mean_difference(values in prop::collection::vec(0u8..20, 1..40)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let pairs = values.iter().flat_map(|a| values.iter().map(move |b| (a - b).abs())).sum::<f64>();
            let (count, all) = (values.len() as f64, values.iter().sum::<f64>());
            let expected = if all > 0.0 { pairs / (2.0 * count * all) } else { 0.0 };
            prop_assert!((gini(values) - expected).abs() < 1e-12);
        }

        #[test]
        fn parts_hold_a_tenth_each(users in prop::collection::vec(0u8..30, 1..80)) {
            let users: Vec<f32> = users.into_iter().map(f32::from).collect();
            let popularity = Popularity::new(&users, 30);
            let all: f32 = users.iter().sum();
            for part in 0..PARTS {
                let inside: Vec<f32> =
                    (0..users.len()).filter(|&at| popularity.part[at] == part).map(|at| users[at]).collect();
                let most = inside.iter().copied().fold(0.0, f32::max);
                prop_assert!(inside.iter().sum::<f32>() <= all / PARTS as f32 + most + 1e-3);
            }
            for left in 0..users.len() {
                for right in 0..users.len() {
                    if users[left] > users[right] {
                        prop_assert!(popularity.part[left] <= popularity.part[right]);
                        prop_assert!(popularity.rank[left] < popularity.rank[right]);
                        prop_assert!(popularity.bits[left] <= popularity.bits[right]);
                    }
                }
            }
        }
    }

    #[test]
    fn a_worked_example() {
        // Eight users; product 0 had by all, 1 and 2 by one each, 3 by nobody.
        let popularity = Popularity::new(&[8.0, 1.0, 1.0, 0.0], 8);
        assert_eq!(popularity.bits, [0.0, 3.0, 3.0, 3.0]);
        assert_eq!(popularity.rank, [0.0, 0.5, 0.5, 1.0]);
        assert_eq!(popularity.part, [4, 8, 9, 9]);
        let lists = [Ranked::new(vec![0, 1], &[1]), Ranked::new(vec![0, 3], &[2])];
        let rule = vec![Ranked::new(vec![0, 1], &[1]), Ranked::new(vec![0, 1], &[2])];
        let baselines = Baselines::from([("rule".to_owned(), rule)]);
        let relevant: [&[u32]; 2] = [&[1], &[2, UNKNOWN]];
        let found =
            ExposureReport::of(&popularity, &[1, 2], Bootstrap::new(1), &[0, 1], (&lists, &baselines), &relevant);
        let expected = [
            ("coverage@1", 0.25),
            ("coverage@2", 0.75),
            ("gini@1", 0.75),
            ("gini@2", 0.375),
            ("long_tail@1", 0.0),
            ("long_tail@2", 0.5),
            ("novelty@1", 0.0),
            ("novelty@2", 1.5),
            ("popularity@1", 8.0),
            ("popularity@2", 4.25),
            ("popularity_rank@1", 0.0),
            ("popularity_rank@2", 0.375),
        ];
        assert_eq!(found.model, expected.map(|(name, value)| (name.to_owned(), value)).into());
        assert_eq!((found.test_rows["novelty"], found.test_rows["long_tail"]), (3.0, 1.0));
        assert_eq!(found.test_rows["coverage"], 0.5);
        assert_eq!(found.parts.products, [0, 0, 0, 0, 1, 0, 0, 0, 1, 2]);
        assert_eq!(found.parts.model, [0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.25, 0.25]);
        assert_eq!(found.baselines["rule"]["popularity_rank@2"], 0.25);
        let difference = found.intervals.differences["rule"]["popularity_rank@2"];
        assert_eq!((difference.mean, difference.interval.low, difference.interval.high), (0.125, 0.0, 0.25));
    }
}
