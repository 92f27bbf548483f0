//! How much what is popular counts in the lists of newcomers, beside taste: as ranks best what was held out, whether they
//! had it before or not, because to somebody who has just come all is new.
//!
//! Vectors have learnt from the history that is hidden from taste, what is popular has not. So of the weights that rank
//! nearly as well as the best one, the greatest is taken for those of whom only events are known.

use std::collections::BTreeMap;

use juntos_engine::cohorts::{Believed, Home};
use juntos_engine::fold::Prior;
use juntos_engine::index::Scored;
use juntos_engine::rank::Scale;
use juntos_engine::recommend::candidates_for;
use juntos_engine::serving_model::{Hold, Popular};
use rayon::prelude::*;

use super::Compared;
use super::judge::{
    CUT, EVENTS, FEWEST_CASES, Judge, LEAST_GAIN, LEAST_GAIN_OVER_POPULARITY, Past, compared, gain, mean, popular_list,
};
use crate::evaluate::products::{Case, popularity};
use crate::evaluate::rank::{Query, order_by_score, top_products};

/// Values tried of both weights of [`Popular`], beside 0.
const TRIED: [f32; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// How much better than a greater weight the best may rank, as a share: the flattery, as where cohorts alone are judged.
const FLATTERY: f64 = LEAST_GAIN_OVER_POPULARITY;

/// What is popular, by the country of a home, and everywhere.
struct Rankings {
    at_home: BTreeMap<Home, Vec<u32>>,
    everywhere: Vec<u32>,
}

/// What a list is chosen from, after so many events.
struct Pool {
    case: Case,
    events: usize,
    candidates: Vec<Candidate>,
}

struct Candidate {
    product: u32,
    /// Where it stands by taste.
    taste: f32,
    /// Where it stands by popularity.
    popular: f32,
}

impl Judge<'_> {
    /// How much what is popular is to count, and what that is worth for those without friends.
    pub(super) fn popular(&self, believed: Believed, hold: Hold) -> (Popular, Compared) {
        let given = Popular::default();
        let counts = popularity(&self.history.interactions);
        let bought = |product: &u32| counts[*product as usize] > 0.0;
        let everywhere = order_by_score(&counts).into_iter().filter(bought).collect();
        let rankings = Rankings { at_home: self.popular_at_home(), everywhere };
        let everybody: Vec<&Past> = self.past.iter().collect();
        let prior = |past: &Past| (self.prior(past, None, believed), hold.cohort);
        let alone = self.judged(&everybody, &rankings, false, prior);
        let befriended: Vec<&Past> = everybody.into_iter().filter(|past| past.friends.is_some()).collect();
        let prior = |past: &Past| (self.prior(past, past.friends.as_ref(), believed), hold.friends);
        let friends = self.judged(&befriended, &rankings, true, prior);
        let (weight, told) = greatest_of_the_best(&alone);
        let beside_friends = gaining(&friends).unwrap_or(given.beside_friends);
        (Popular { alone: weight, beside_friends }, told)
    }

    /// NDCG of each of these people after their first events, by the weight of what is popular, ascending from 0.
    fn judged(
        &self,
        people: &[&Past],
        rankings: &Rankings,
        with_friends: bool,
        prior: impl Fn(&Past) -> (Vec<f32>, f32) + Sync,
    ) -> Vec<(f32, Vec<f64>)> {
        if people.len() < FEWEST_CASES {
            return Vec::new();
        }
        let pools = EVENTS.map(|count| self.pools(people, rankings, count, &prior));
        let figures = |weight: f32| {
            let popular = Popular { alone: weight, beside_friends: weight };
            let of_one = |at: usize| {
                let gain = |pool: &Pool| gain(&pool.list(popular.after(pool.events, with_friends)), &pool.case);
                pools.iter().map(|pools| gain(&pools[at])).sum::<f64>() / EVENTS.len() as f64
            };
            (weight, (0..people.len()).into_par_iter().map(of_one).collect())
        };
        [0.0].into_iter().chain(TRIED).map(figures).collect()
    }

    fn pools(
        &self,
        people: &[&Past],
        rankings: &Rankings,
        events: usize,
        prior: &(impl Fn(&Past) -> (Vec<f32>, f32) + Sync),
    ) -> Vec<Pool> {
        let length = candidates_for(CUT);
        let folded = |&past: &&Past| {
            let ((vector, hold), (case, first)) = (prior(past), self.as_if_new(past, events));
            let popular = popular_list(past.home, &case.seen, &rankings.at_home, &rankings.everywhere, length);
            (self.folded(&first, Prior { vector: &vector, hold }), case, popular)
        };
        let people: Vec<(Vec<f32>, Case, Vec<u32>)> = people.par_iter().map(folded).collect();
        let queries = people.iter().map(|(vector, case, _)| Query { vector, without: &case.seen });
        let close = top_products(&queries.collect::<Vec<_>>(), &self.embeddings.products, self.embeddings.dim, length);
        let pool = |((taste, case, popular), close): ((Vec<f32>, Case, Vec<u32>), Vec<u32>)| Pool {
            events,
            candidates: self.candidates(&taste, &close, &popular),
            case,
        };
        people.into_iter().zip(close).map(pool).collect()
    }

    fn candidates(&self, taste: &[f32], close: &[u32], popular: &[u32]) -> Vec<Candidate> {
        let dim = self.embeddings.dim;
        let score = |row: u32| {
            let vector = &self.embeddings.products[row as usize * dim..(row as usize + 1) * dim];
            Scored { row, score: taste.iter().zip(vector).map(|(a, b)| a * b).sum() }
        };
        let close: Vec<Scored> = close.iter().map(|&row| score(row)).collect();
        let scale = Scale::of(&close);
        let mut gains: BTreeMap<u32, f32> = close.iter().map(|scored| (scored.row, 0.0)).collect();
        for (place, &product) in popular.iter().enumerate() {
            gains.insert(product, Popular::place(place, popular.len()));
        }
        let candidate = |(product, popular)| {
            let taste = scale.map_or(0.0, |scale| scale.place(score(product).score));
            Candidate { product, taste, popular }
        };
        gains.into_iter().map(candidate).collect()
    }
}

impl Pool {
    /// The best of the candidates where the most popular one gains so much.
    fn list(&self, weight: f32) -> Vec<u32> {
        let close = self.candidates.iter();
        let scored = |one: &Candidate| Scored { row: one.product, score: one.taste + weight * one.popular };
        let mut list: Vec<Scored> = close.map(scored).collect();
        list.sort_unstable_by(Scored::best_first);
        list.truncate(CUT);
        list.into_iter().map(|scored| scored.row).collect()
    }
}

/// The greatest weight that ranks nearly as well as the best one.
fn greatest_of_the_best(figures: &[(f32, Vec<f64>)]) -> (f32, Compared) {
    let Some((_, without)) = figures.first() else { return (Popular::default().alone, Compared::default()) };
    let most = figures.iter().map(|(_, with)| mean(with)).fold(0.0, f64::max);
    let good = figures.iter().rev().find(|(_, with)| (1.0 + FLATTERY) * mean(with) >= most);
    let (weight, with) = good.map_or((0.0, without), |(weight, with)| (*weight, with));
    let people = without.len();
    (weight, Compared { people, without: mean(without), with: mean(with), kept: weight > 0.0 })
}

/// The weight that ranks best, where it gains more than chance.
fn gaining(figures: &[(f32, Vec<f64>)]) -> Option<f32> {
    let (_, without) = figures.first()?;
    let best = figures.iter().max_by(|left, right| mean(&left.1).total_cmp(&mean(&right.1)))?;
    compared(without, &best.1, LEAST_GAIN).kept.then_some(best.0)
}

#[cfg(test)]
mod tests {
    //! 1. Of weights that rank nearly as well the greatest is taken, and none where popularity harms.
    //! 2. Beside friends only what gains is taken.

    use super::*;

    fn figures(means: [f64; 6]) -> Vec<(f32, Vec<f64>)> {
        let weights = [0.0].into_iter().chain(TRIED);
        let people = |mean: f64| (0..200).map(|at| mean + if at % 2 == 0 { 0.01 } else { -0.01 }).collect();
        weights.zip(means.map(people)).collect()
    }

    #[test]
    fn the_greatest_weight_that_ranks_nearly_as_well_is_taken() {
        assert_eq!(greatest_of_the_best(&figures([0.1, 0.12, 0.13, 0.115, 0.10, 0.09])).0, 1.0);
        assert_eq!(greatest_of_the_best(&figures([0.2, 0.1, 0.1, 0.1, 0.1, 0.1])).0, 0.0);
        assert_eq!(greatest_of_the_best(&figures([0.1, 0.11, 0.12, 0.13, 0.14, 0.15])).0, 4.0);
        assert_eq!(greatest_of_the_best(&[]).0, Popular::default().alone);
    }

    #[test]
    fn beside_friends_only_what_gains_is_taken() {
        assert_eq!(gaining(&figures([0.2, 0.19, 0.18, 0.1, 0.1, 0.1])), None);
        assert_eq!(gaining(&figures([0.2, 0.21, 0.22, 0.1, 0.1, 0.1])), Some(0.5));
        assert_eq!(gaining(&[]), None);
    }
}
