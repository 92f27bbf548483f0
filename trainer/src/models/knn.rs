//! Products similar to what the user had: item-based neighbourhoods by cosine (Sarwar et al. 2001), with shrinkage.

mod sums;
#[cfg(test)]
mod tests;

use juntos_datasets::Csr;
use rayon::prelude::*;

pub(crate) use sums::Sums;

use super::{FitData, Fitted, Model, Scorer, input};
use crate::config::ItemKnnConfig;
use crate::error::TrainError;
use crate::tracking::Tracking;

/// The model `item_knn`. A user without events is scored by what her friends had.
#[derive(Debug, Clone, Copy)]
pub struct ItemKnn {
    settings: ItemKnnConfig,
}

impl ItemKnn {
    /// The model with these settings.
    pub fn new(settings: ItemKnnConfig) -> Self {
        Self { settings }
    }
}

impl Model for ItemKnn {
    fn name(&self) -> &'static str {
        "item_knn"
    }

    fn fit_tracked(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Fitted, TrainError> {
        input::check(data)?;
        let progress = tracking.progress;
        progress.stage("item_knn", data.interactions.columns() as u64);
        let neighbours = Neighbours::learn(data.interactions, self.settings);
        progress.advance(data.interactions.columns() as u64);
        Ok(Fitted::Scores(Box::new(Rule {
            neighbours,
            history: data.interactions.clone(),
            friends: data.friends.clone(),
        })))
    }
}

/// Of each product its most similar ones.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Neighbours {
    /// One list a product, the most similar first; no product twice, and none of similarity zero.
    of: Vec<Box<[(u32, f32)]>>,
}

impl Neighbours {
    /// Learns from `(users, products)` weights above zero.
    ///
    /// Cost: `Σ over users (their products)²` additions over all threads; 8 bytes a similarity, of which there are at most
    /// `neighbours` a product, 16 bytes a product, the transposed matrix, and 4 bytes a product and thread.
    pub(crate) fn learn(interactions: &Csr, settings: ItemKnnConfig) -> Self {
        let buyers = interactions.transpose();
        let norm = |product| buyers.entries(product).map(|(_, value)| value * value).sum::<f32>().sqrt();
        let norms: Vec<f32> = (0..buyers.rows()).map(norm).collect();
        let similarity = |product: usize, other: usize, together: f32| {
            together / (norms[product] * norms[other] + settings.shrinkage)
        };
        Self { of: nearest_of_each(interactions, &buyers, settings.neighbours, similarity) }
    }

    /// Number of similarities held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.of.iter().map(|nearest| nearest.len()).sum()
    }

    /// Tells `add` of everything that adds to the scores of `row`: a product, and how much. A row without products in
    /// `history` is scored by what her `friends` had.
    pub(crate) fn score(&self, history: &Csr, friends: &Csr, row: usize, mut add: impl FnMut(u32, f32)) {
        self.score_by(history, row, 1.0, &mut add);
        if history.row(row).0.is_empty() && row < friends.rows() {
            for (friend, strength) in friends.entries(row) {
                self.score_by(history, friend as usize, strength, &mut add);
            }
        }
    }

    fn score_by(&self, history: &Csr, row: usize, weight: f32, add: &mut impl FnMut(u32, f32)) {
        for (product, value) in history.entries(row) {
            for &(other, similarity) in &self.of[product as usize] {
                add(other, weight * value * similarity);
            }
        }
    }
}

/// Of each product the `most` others of the greatest `similarity(product, other, together)`, the greatest first, where
/// `together` is the sum, over all who had both, of weight in `buyers` times weight of the other in `interactions`.
pub(crate) fn nearest_of_each(
    interactions: &Csr,
    buyers: &Csr,
    most: usize,
    similarity: impl Fn(usize, usize, f32) -> f32 + Sync,
) -> Vec<Box<[(u32, f32)]>> {
    let products = buyers.rows();
    let nearest_of = |sums: &mut Sums, product: usize| {
        add_co_purchases(interactions, buyers, product, sums);
        let mut similar = Vec::new();
        sums.drain(|other, together| similar.push((other, similarity(product, other as usize, together))));
        nearest(similar, most)
    };
    (0..products).into_par_iter().map_init(|| Sums::new(products), nearest_of).collect()
}

fn add_co_purchases(interactions: &Csr, buyers: &Csr, product: usize, sums: &mut Sums) {
    for (user, weight) in buyers.entries(product) {
        for (other, value) in interactions.entries(user as usize).filter(|&(other, _)| other as usize != product) {
            sums.add(other, weight * value);
        }
    }
}

/// The `most` largest, ties by row.
fn nearest(mut similar: Vec<(u32, f32)>, most: usize) -> Box<[(u32, f32)]> {
    let best_first = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if similar.len() > most {
        similar.select_nth_unstable_by(most, best_first);
        similar.truncate(most);
    }
    similar.sort_unstable_by(best_first);
    similar.into_boxed_slice()
}

/// What the model has learnt.
struct Rule {
    neighbours: Neighbours,
    history: Csr,
    friends: Csr,
}

impl Scorer for Rule {
    fn scores(&self, row: usize, out: &mut [f32]) {
        out.fill(0.0);
        self.neighbours.score(&self.history, &self.friends, row, |product, score| out[product as usize] += score);
    }
}
