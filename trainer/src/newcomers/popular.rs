//! How much what is popular counts in the lists of newcomers, beside taste.

use std::collections::BTreeMap;

use juntos_engine::cohorts::Believed;
use juntos_engine::fold::Prior;
use juntos_engine::index::Scored;
use juntos_engine::rank::Scale;
use juntos_engine::recommend::candidates_for;
use juntos_engine::serving_model::Popular;
use rayon::prelude::*;

use super::CUT;
use super::compare::{Compared, Difference, best, compared, gain, mean};
use super::judge::{EVENTS, Judge, Newcome};
use crate::evaluate::products::Case;

/// Values tried of both weights of [`Popular`].
const TRIED: [f32; 7] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

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
    /// How much what is popular is to count beside priors held so firmly, those of friends and those of cohorts; and what it is
    /// worth for those without friends. They get the most that ranks no worse than the best beyond chance, because what is popular
    /// errs less than what little is known of them; beside friends it is what ranks best.
    pub(super) fn popular(&self, believed: Believed, (of_friends, of_cohort): (f32, f32)) -> (Popular, Compared) {
        let given = Popular::default();
        let everybody: Vec<&Newcome<'_>> = self.newcomers.iter().collect();
        let pools = self.pools(&everybody, |her| (self.prior_of_cohort(her, believed), of_cohort));
        let (alone, told) = most_of_the_best(given.alone, |weight| figures(&pools, weight));
        let befriended = self.befriended();
        let pools = self.pools(&befriended, |her| (self.prior_of_friends(her, believed), of_friends));
        let (beside_friends, _) =
            best(given.beside_friends, &TRIED, befriended.len(), |weight| figures(&pools, weight));
        (Popular { alone, beside_friends }, told)
    }

    /// What lists are chosen from for these people, after each number of [`EVENTS`].
    fn pools(
        &self,
        newcomers: &[&Newcome<'_>],
        prior: impl Fn(&Newcome<'_>) -> (Vec<f32>, f32) + Sync,
    ) -> [Vec<Pool>; EVENTS.len()] {
        EVENTS.map(|count| self.pools_after(newcomers, count, &prior))
    }

    fn pools_after(
        &self,
        newcomers: &[&Newcome<'_>],
        events: usize,
        prior: &(impl Fn(&Newcome<'_>) -> (Vec<f32>, f32) + Sync),
    ) -> Vec<Pool> {
        let length = candidates_for(CUT);
        let folded = |her: &&Newcome<'_>| {
            let (vector, hold) = prior(her);
            (
                self.folding.folded(her.stranger.events(events), Prior { vector: &vector, hold }),
                her.stranger.case(events),
            )
        };
        let (tastes, cases): (Vec<Vec<f32>>, Vec<Case>) = newcomers.par_iter().map(folded).unzip();
        let close = self.folding.lists(&tastes, &cases, length);
        let popular: Vec<Vec<u32>> = newcomers
            .par_iter()
            .zip(&cases)
            .map(|(her, case)| self.rankings.list(her.home, &case.seen, length))
            .collect();
        let candidates: Vec<Vec<Candidate>> = tastes
            .par_iter()
            .zip(&close)
            .zip(&popular)
            .map(|((taste, close), popular)| self.candidates(taste, close, popular))
            .collect();
        cases.into_iter().zip(candidates).map(|(case, candidates)| Pool { events, candidates, case }).collect()
    }

    fn candidates(&self, taste: &[f32], close: &[u32], popular: &[u32]) -> Vec<Candidate> {
        let score = |row: u32| {
            let score = taste.iter().zip(self.folding.product(row)).map(|(a, b)| a * b).sum();
            Scored { row, score }
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

/// NDCG of each of these people where what is popular has this weight.
fn figures(pools: &[Vec<Pool>], weight: f32) -> Vec<f64> {
    let of_one = |at: usize| {
        let gain = |pool: &Pool| gain(&pool.list(weight), &pool.case);
        pools.iter().map(|pools| gain(&pools[at])).sum::<f64>() / pools.len() as f64
    };
    (0..pools[0].len()).into_par_iter().map(of_one).collect()
}

/// The greatest weight that the best one does not outdo by more than the standard error of the difference; and what it is worth
/// against the `given` one.
fn most_of_the_best(given: f32, figures: impl Fn(f32) -> Vec<f64>) -> (f32, Compared) {
    let all: Vec<(f32, Vec<f64>)> = TRIED.into_iter().map(|weight| (weight, figures(weight))).collect();
    let Some((_, most)) = all.iter().max_by(|(_, left), (_, right)| mean(left).total_cmp(&mean(right))) else {
        return (given, Compared::default());
    };
    let is_as_good = |(_, with): &&(f32, Vec<f64>)| {
        let lost = Difference::of(with, most);
        lost.mean <= lost.error
    };
    let Some((weight, with)) = all.iter().rev().find(is_as_good) else { return (given, Compared::default()) };
    (*weight, Compared { kept: *weight != given, ..compared(&figures(given), with) })
}

impl Pool {
    /// The best of the candidates where the most popular one gains so much before the first event.
    fn list(&self, weight: f32) -> Vec<u32> {
        let gain = Popular::after_events(weight, self.events);
        let scored = |one: &Candidate| Scored { row: one.product, score: one.taste + gain * one.popular };
        let mut list: Vec<Scored> = self.candidates.iter().map(scored).collect();
        list.sort_unstable_by(Scored::best_first);
        list.truncate(CUT);
        list.into_iter().map(|scored| scored.row).collect()
    }
}

#[cfg(test)]
mod tests {
    //! Of weights that rank as well but for chance the greatest is taken.

    use super::*;

    fn most(means: [f64; 7]) -> f32 {
        let figures = |weight: f32| {
            let at = TRIED.iter().position(|&tried| tried == weight).unwrap();
            (0..200).map(|person| means[at] + if (person + at) % 2 == 0 { 0.1 } else { -0.1 }).collect()
        };
        most_of_the_best(1.0, figures).0
    }

    #[test]
    fn the_greatest_weight_that_ranks_as_well_is_taken() {
        assert_eq!(most([0.3, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]), 0.0);
        assert_eq!(most([0.2, 0.2, 0.2, 0.2, 0.295, 0.2, 0.3]), 8.0);
        assert_eq!(most([0.2, 0.2, 0.2, 0.3, 0.295, 0.2, 0.2]), 2.0);
    }
}
