//! How firmly users' own vectors are held when more events come: judged by people with a history, of whose purchases held out
//! one is folded in and the others are to be found.

use juntos_engine::fold::Prior;
use juntos_engine::serving_model::FoldIn;
use rayon::prelude::*;

use super::compare::best;
use super::folding::Folding;
use super::judge::HOLDS;
use crate::evaluate::products::{Case, cases};
use crate::models::Embeddings;
use crate::models::cohorts::People;
use crate::prepare::HeldOut;

/// Most people looked at; of more, evenly spaced ones.
const MOST_CASES: usize = 1_000;

/// How firmly vectors like those of `embeddings`, learnt from `held.history`, are best held: as `fold` has it, unless another
/// value is better beyond chance.
pub fn own_hold(held: &HeldOut, people: &People, embeddings: &Embeddings, fold: &FoldIn) -> f32 {
    let (first, rest): (Vec<u32>, Vec<Case>) = went_on(held, people).into_iter().unzip();
    let folding = Folding::new(embeddings, *fold);
    let figures = |hold: f32| {
        let folded = |(&first, case): (&u32, &Case)| {
            let own = folding.user(case.user.0 as usize);
            folding.folded(&[(first, 1.0)], Prior { vector: own, hold })
        };
        let vectors: Vec<Vec<f32>> = first.par_iter().zip(&rest).map(folded).collect();
        folding.gains(&vectors, &rest)
    };
    best(fold.hold.own, &HOLDS, rest.len(), figures).0
}

/// People with a history who bought more than one new thing in the part held out: the first of them, in an arbitrary order, and
/// the rest to be found.
fn went_on(held: &HeldOut, people: &People) -> Vec<(u32, Case)> {
    let known = |case: &Case| {
        let user = case.user.0 as usize;
        people.personalise[user] && !held.history.interactions.row(user).0.is_empty() && case.relevant.len() > 1
    };
    let all: Vec<Case> = cases(&held.history, &held.test, false).into_iter().filter(known).collect();
    let every = all.len().div_ceil(MOST_CASES).max(1);
    let split = |mut case: Case| {
        let hash = |product: &u32| xxhash_rust::xxh3::xxh3_64(&product.to_le_bytes());
        let first = case.relevant.iter().copied().min_by_key(hash)?;
        case.relevant.retain(|&product| product != first);
        let place = case.seen.partition_point(|&product| product < first);
        case.seen.insert(place, first);
        Some((first, case))
    };
    all.into_iter().step_by(every).filter_map(split).collect()
}
