//! The baseline `item_knn` of task `products`: what is similar to what a user had, see [`crate::models::knn`].
//!
//! The rule is fitted here, on the training part of the dataset, and ranks the products that it reaches; everything else
//! has the score zero and follows by popularity.

use juntos_datasets::Csr;
use juntos_engine::Bundle;
use juntos_engine::index::Scored;
use rayon::prelude::*;

use super::products::{Case, popularity};
use super::rank::{Best, first_allowed, order_by_score};
use crate::config::ItemKnnConfig;
use crate::models::knn::{Neighbours, Sums};

/// Most additions that are spent on the baseline: some minutes of one core.
pub(super) const MOST_ADDITIONS: u64 = 20_000_000_000;

/// Most similarities that it may hold, of 8 bytes each: a gibibyte.
pub(super) const MOST_SIMILARITIES: u64 = 1 << 27;

/// The rule, not yet fitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemKnnRule<'a> {
    /// `(users, products)` weights of the training part.
    pub(super) interactions: &'a Csr,
    /// `(users, users)` strengths of ties.
    pub(super) friends: &'a Csr,
    /// How many neighbours, and how far they are shrunk.
    pub(super) settings: ItemKnnConfig,
}

/// The settings `[item_knn]` that the bundle was trained with, the defaults where it does not say.
pub(super) fn settings(bundle: &Bundle) -> ItemKnnConfig {
    let settings = bundle.manifest().config.get("item_knn").cloned();
    settings.and_then(|settings| serde_json::from_value(settings).ok()).unwrap_or_default()
}

impl ItemKnnRule<'_> {
    /// Fits the rule; then the best `k` products of each case among those that are `known`, ties by row. Rows are those of
    /// the matrices.
    pub(super) fn rank(&self, cases: &[Case], known: impl Fn(u32) -> bool + Sync, k: usize) -> Vec<Vec<u32>> {
        let Self { interactions, friends, settings } = *self;
        let neighbours = Neighbours::learn(interactions, settings);
        let mut popular = order_by_score(&popularity(interactions));
        popular.retain(|&product| known(product));
        let list = |sums: &mut Sums, case: &Case| {
            neighbours.score(interactions, friends, case.user.0 as usize, |product, score| sums.add(product, score));
            let mut best = Best::new(k);
            sums.drain(|row, score| {
                if known(row) {
                    best.offer_one(Scored { row, score }, &case.seen);
                }
            });
            filled(best.into_rows(), &popular, &case.seen, k)
        };
        cases.par_iter().map_init(|| Sums::new(interactions.columns()), list).collect()
    }

    /// What it costs at most to fit the rule and to rank `cases`, by the lengths of histories alone.
    pub(super) fn cost(&self, cases: &[Case]) -> Cost {
        let Self { interactions, friends, settings } = *self;
        let kept = settings.neighbours.min(interactions.columns()) as u64;
        let length = |user: usize| interactions.row(user).0.len() as u64;
        let mut compared = vec![0u64; interactions.columns()];
        for user in 0..interactions.rows() {
            let others = length(user).saturating_sub(1);
            interactions.row(user).0.iter().for_each(|&product| compared[product as usize] += others);
        }
        let told_by = |user: usize| match length(user) {
            0 => friends.row(user).0.iter().map(|&friend| length(friend as usize)).sum(),
            own => own,
        };
        let scored: u64 = cases.iter().map(|case| told_by(case.user.0 as usize)).sum();
        Cost {
            additions: compared.iter().sum::<u64>() + scored * kept,
            similarities: compared.iter().map(|&others| others.min(kept)).sum(),
        }
    }
}

/// `list` and, where it is shorter than `k`, the first of `order` that are neither in it nor in `without`.
fn filled(mut list: Vec<u32>, order: &[u32], without: &[u32], k: usize) -> Vec<u32> {
    if list.len() < k {
        let mut more = first_allowed(order, without, k);
        more.retain(|product| !list.contains(product));
        more.truncate(k - list.len());
        list.append(&mut more);
    }
    list
}

/// What the rule costs at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// To compare products and to score the cases.
    additions: u64,
    /// Held at once.
    similarities: u64,
}

impl Cost {
    /// Why the rule is left out, if it is.
    pub(super) fn too_high(self) -> Option<String> {
        let Self { additions, similarities } = self;
        if additions > MOST_ADDITIONS {
            return Some(format!("takes {additions} additions on this data, of at most {MOST_ADDITIONS}"));
        }
        (similarities > MOST_SIMILARITIES)
            .then(|| format!("holds {similarities} similarities on this data, of at most {MOST_SIMILARITIES}"))
    }
}

#[cfg(test)]
mod tests;
