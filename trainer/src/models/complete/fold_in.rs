//! How serving shall fold events into a user's vector: the settings that come nearest to the vectors trained.

use juntos_datasets::Csr;
use juntos_datasets::progress::Progress;
use juntos_engine::fold::{FoldEvent, Prior, Products, fold};
use juntos_engine::serving_model::{FoldIn, Hold};
use rayon::prelude::*;

use crate::models::FitData;
use crate::models::als::blocks;
use crate::models::als::solve::weight;

/// Users that settings are tried on, spread over all of them.
const TRIED_ON: usize = 64;
/// Weight of all cells without an event together, for each unit of weight of cells with one.
const UNOBSERVED_RATIOS: [f64; 3] = [0.0, 10.0, 100.0];
/// Strengths of regularisation, over the mean length of product vectors squared.
const REGULARIZATIONS: [f64; 3] = [0.01, 0.1, 1.0];

/// [`choose`], telling how near that comes.
pub(in crate::models) fn choose_and_tell(
    data: &FitData<'_>,
    (users, products): (&[f32], &[f32]),
    (model, progress): (&str, &dyn Progress),
) -> FoldIn {
    let (fold, cosine) = choose(data.interactions, users, products, data.dim);
    progress.note(&format!("{model}: vectors folded from events alone have cosine {cosine:.3} with those learnt"));
    fold
}

/// The settings whose vectors, folded from a user's own events alone, have the greatest mean cosine with those trained,
/// and that cosine. `products` must be scaled so that observed cells score about 1, which is what a fold-in aims at.
pub(in crate::models) fn choose(interactions: &Csr, users: &[f32], products: &[f32], dim: usize) -> (FoldIn, f32) {
    let gram = gram(products, dim);
    let trace: f64 = (0..dim).map(|at| f64::from(gram[at * dim + at])).sum();
    let count = interactions.columns();
    let mean_square = trace / count as f64;
    let observed: f64 = (0..interactions.rows()).map(|row| weight(interactions, row)).sum();
    let cells = interactions.rows() as f64 * count as f64;
    let mut best: Option<(FoldIn, f32)> = None;
    for ratio in UNOBSERVED_RATIOS {
        for strength in REGULARIZATIONS {
            let settings = FoldIn {
                unobserved_weight: (ratio * observed / cells).min(1.0) as f32,
                observed_weight: 1.0,
                regularization: (strength * mean_square) as f32,
                friend_weight: 1.0,
                hold: Hold::default(),
            };
            let vectors = Trained { interactions, users, products, dim };
            let cosine = vectors.mean_cosine(Products::new(&gram, count), &settings);
            if best.as_ref().is_none_or(|(_, so_far)| cosine > *so_far) {
                best = Some((settings, cosine));
            }
        }
    }
    best.expect("there are settings to try")
}

struct Trained<'a> {
    interactions: &'a Csr,
    users: &'a [f32],
    products: &'a [f32],
    dim: usize,
}

impl Trained<'_> {
    fn mean_cosine(&self, products: Products<'_>, settings: &FoldIn) -> f32 {
        let count = self.users.len() / self.dim;
        let spread = (0..count).filter(|&user| !self.interactions.row(user).0.is_empty());
        let spread: Vec<usize> = spread.step_by(count.div_ceil(TRIED_ON)).collect();
        let cosines: Vec<f32> = spread.par_iter().map(|&user| self.cosine(user, products, settings)).collect();
        cosines.iter().sum::<f32>() / cosines.len().max(1) as f32
    }

    fn cosine(&self, user: usize, products: Products<'_>, settings: &FoldIn) -> f32 {
        let dim = self.dim;
        let (columns, weights) = self.interactions.row(user);
        let vector = |column: u32| &self.products[column as usize * dim..(column as usize + 1) * dim];
        let event = |(&column, &weight)| FoldEvent { vector: vector(column), weight };
        let events: Vec<FoldEvent<'_>> = columns.iter().zip(weights).map(event).collect();
        cosine(
            &fold(products, settings, &events, Prior::nothing(&vec![0.0; dim])),
            &self.users[user * dim..(user + 1) * dim],
        )
    }
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let lengths = (dot(left, left) * dot(right, right)).sqrt();
    if lengths > 0.0 { dot(left, right) / lengths } else { 0.0 }
}

/// `Σ y yᵀ` over all product vectors, `(dim, dim)` row-major.
pub(crate) fn gram(products: &[f32], dim: usize) -> Vec<f32> {
    let gram = blocks::gram(products, dim);
    (0..dim * dim).map(|at| gram[(at / dim, at % dim)] as f32).collect()
}
