//! How firmly events leave each kind of prior where it is: as ranks best what was held out.

use juntos_engine::cohorts::Believed;
use juntos_engine::fold::{FoldEvent, Prior};
use juntos_engine::serving_model::Hold;
use rayon::prelude::*;

use super::judge::{CUT, FEWEST_CASES, Judge, LEAST_GAIN, Past, compared, gain, mean, vector_of};
use crate::evaluate::products::Case;
use crate::evaluate::rank::{Query, top_products};

/// Values tried, see [`Hold`].
const TRIED: [f32; 4] = [0.0, 1.0, 4.0, 8.0];

impl Judge<'_> {
    /// How firmly users' own vectors, and priors made of friends and of cohorts, are to be held.
    pub(super) fn hold(&self, believed: Believed) -> Hold {
        let given = self.given_hold();
        let everybody: Vec<&Past> = self.past.iter().collect();
        let befriended: Vec<&Past> = self.past.iter().filter(|past| past.friends.is_some()).collect();
        let friends = |hold: f32| {
            self.after_events(&befriended, |past| (self.prior(past, past.friends.as_ref(), believed), hold))
        };
        let cohort = |hold: f32| self.after_events(&everybody, |past| (self.prior(past, None, believed), hold));
        let with_cohorts = if believed.in_fold > 0.0 { everybody.len() } else { 0 };
        let went_on = self.went_on();
        Hold {
            own: best(given.own, went_on.len(), |hold| self.after_one_more(&went_on, hold)),
            friends: best(given.friends, befriended.len(), friends),
            cohort: best(given.cohort, with_cohorts, cohort),
        }
    }

    /// The people who bought more than one new thing in the part held out: the first of them, and the rest to be found.
    fn went_on(&self) -> Vec<(u32, Case)> {
        let several = self.past.iter().filter(|past| past.case.relevant.len() > 1);
        let split = |past: &Past| {
            let mut case = past.case.clone();
            let hash = |product: &u32| xxhash_rust::xxh3::xxh3_64(&product.to_le_bytes());
            let first = case.relevant.iter().copied().min_by_key(hash)?;
            case.relevant.retain(|&product| product != first);
            let place = case.seen.partition_point(|&product| product < first);
            case.seen.insert(place, first);
            Some((first, case))
        };
        several.filter_map(split).collect()
    }

    /// NDCG of each of them after one event more than their own vectors learnt from.
    fn after_one_more(&self, people: &[(u32, Case)], hold: f32) -> Vec<f64> {
        let (dim, products) = (self.embeddings.dim, &self.embeddings.products);
        let folded = |(first, case): &(u32, Case)| {
            let own = vector_of(self.embeddings, case.user.0 as usize);
            let vector = &products[*first as usize * dim..(*first as usize + 1) * dim];
            self.folded(&[FoldEvent { vector, weight: 1.0 }], Prior { vector: own, hold })
        };
        let vectors: Vec<Vec<f32>> = people.par_iter().map(folded).collect();
        let pairs = vectors.iter().zip(people);
        let queries: Vec<Query<'_>> = pairs.map(|(vector, (_, case))| Query { vector, without: &case.seen }).collect();
        let lists = top_products(&queries, products, dim, CUT);
        people.iter().zip(lists).map(|((_, case), list)| gain(&list, case)).collect()
    }
}

/// The value with the best mean, if it is better than the `given` one by more than chance.
fn best(given: f32, people: usize, figures: impl Fn(f32) -> Vec<f64>) -> f32 {
    if people < FEWEST_CASES {
        return given;
    }
    let without = figures(given);
    let tried = TRIED.into_iter().filter(|&hold| hold != given).map(|hold| (hold, figures(hold)));
    let found = tried.max_by(|left, right| mean(&left.1).total_cmp(&mean(&right.1)));
    found.filter(|(_, with)| compared(&without, with, LEAST_GAIN).kept).map_or(given, |(hold, _)| hold)
}
