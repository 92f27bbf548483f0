//! Weighted ridge regression from sparse rows to vectors, by conjugate gradients.
//!
//! Minimises `Σ c |y − mean − Wᵀx|² + strength · |W|²` over the products with rows `x`, vectors `y` and confidence `c`.
//! Each dimension is a system of its own with the same matrix `XᵀCX + strength·I`, so all run side by side: one pass
//! over the rows serves every dimension. The diagonal preconditions (Saad 2003, "Iterative Methods for Sparse Linear
//! Systems", algorithm 9.1). Every sum has a fixed order, so threads change no bit.

use std::ops::Range;

use juntos_datasets::Csr;
use juntos_engine::content::{Encoder, Row};
use juntos_engine::vectors::add_scaled;
use rayon::prelude::*;

use super::known::Known;
use crate::models::Embeddings;
use crate::models::sparse::times;

/// Steps after which a solution is taken as it is: stopping early regularises, too.
const MOST_STEPS: usize = 40;
/// Rows whose sums are added up before they join the others'.
const CHUNK_ROWS: usize = 1_024;

/// One regression problem.
pub(super) struct Ridge {
    /// `√c · x`, a row for each product.
    rows: Csr,
    /// The same, a row for each feature.
    by_feature: Csr,
    /// `Xᵀ C (y − mean)`, `(features, dim)`.
    right: Vec<f32>,
    mean: Vec<f32>,
}

impl Ridge {
    /// The problem of the `learnt` ones of the known products.
    pub(super) fn new(known: &Known, encoder: &Encoder, embeddings: &Embeddings, learnt: Range<usize>) -> Self {
        let confidence = &known.confidence()[learnt.clone()];
        let rows: Vec<Row> = learnt.clone().into_par_iter().map(|at| encoder.encode(known.features_of(at))).collect();
        let vectors: Vec<&[f32]> = learnt.map(|at| known.vector(at, embeddings)).collect();
        Self::of(&rows, encoder.len(), &vectors, confidence, embeddings.dim)
    }

    /// The problem of these rows over so many features, vectors, and confidences above 0.
    pub(super) fn of(rows: &[Row], features: usize, vectors: &[&[f32]], confidence: &[f32], dim: usize) -> Self {
        let mean = weighted_mean(vectors, confidence, dim);
        let mut entries = Vec::with_capacity(rows.iter().map(Vec::len).sum());
        for (at, (row, confidence)) in rows.iter().zip(confidence).enumerate() {
            let scale = confidence.sqrt();
            entries.extend(row.iter().map(|&(feature, value)| (at as u32, feature, scale * value)));
        }
        let rows = Csr::from_entries(rows.len(), features, entries);
        let by_feature = rows.transpose();
        let mut targets = vec![0.0; vectors.len() * dim];
        for ((target, vector), confidence) in targets.chunks_exact_mut(dim).zip(vectors).zip(confidence) {
            let scale = confidence.sqrt();
            let centred = vector.iter().zip(&mean).map(|(value, mean)| scale * (value - mean));
            target.iter_mut().zip(centred).for_each(|(cell, value)| *cell = value);
        }
        let right = times(&by_feature, &targets, dim);
        Self { rows, by_feature, right, mean }
    }

    /// Weighted mean of the vectors: what a row of zeros is told.
    pub(super) fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The vector of a row, with weights that [`Ridge::solve`] found.
    pub(super) fn predict(&self, row: &Row, weights: &[f32]) -> Vec<f32> {
        let dim = self.mean.len();
        let mut vector = self.mean.clone();
        for &(feature, value) in row {
            add_scaled(&mut vector, value, &weights[feature as usize * dim..(feature as usize + 1) * dim]);
        }
        vector
    }

    /// `(features, dim)` weights for this strength, from `start` on, until the residual is no longer than a share
    /// `tolerance` of the right side.
    pub(super) fn solve(&self, strength: f32, start: Vec<f32>, tolerance: f64) -> Vec<f32> {
        let dim = self.mean.len();
        let diagonal = self.diagonal(strength);
        let mut weights = start;
        let mut residual = self.matrix(&weights, strength);
        residual.par_iter_mut().zip(&self.right).for_each(|(left, right)| *left = right - *left);
        let enough = tolerance * tolerance * sums(&self.right, &self.right, dim).iter().sum::<f64>();
        let mut preconditioned = divided(&residual, &diagonal, dim);
        let mut direction = preconditioned.clone();
        let mut rho = sums(&residual, &preconditioned, dim);
        for _ in 0..MOST_STEPS {
            if sums(&residual, &residual, dim).iter().sum::<f64>() <= enough {
                break;
            }
            let moved = self.matrix(&direction, strength);
            let steps = ratios(&rho, &sums(&direction, &moved, dim));
            let back: Vec<f32> = steps.iter().map(|step| -step).collect();
            add_columns(&mut weights, &steps, &direction);
            add_columns(&mut residual, &back, &moved);
            preconditioned = divided(&residual, &diagonal, dim);
            let next = sums(&residual, &preconditioned, dim);
            let turns = ratios(&next, &rho);
            direction.par_chunks_exact_mut(dim).zip(preconditioned.par_chunks_exact(dim)).for_each(|(old, new)| {
                old.iter_mut().zip(new).zip(&turns).for_each(|((old, new), turn)| *old = new + turn * *old);
            });
            rho = next;
        }
        weights
    }

    /// `(XᵀCX + strength·I) · weights`.
    fn matrix(&self, weights: &[f32], strength: f32) -> Vec<f32> {
        let dim = self.mean.len();
        let mut result = times(&self.by_feature, &times(&self.rows, weights, dim), dim);
        result.par_iter_mut().zip(weights).for_each(|(cell, weight)| *cell += strength * weight);
        result
    }

    fn diagonal(&self, strength: f32) -> Vec<f32> {
        let squares = |feature: usize| self.by_feature.row(feature).1.iter().map(|value| value * value).sum::<f32>();
        (0..self.by_feature.rows()).into_par_iter().map(|feature| squares(feature) + strength).collect()
    }
}

fn weighted_mean(vectors: &[&[f32]], weights: &[f32], dim: usize) -> Vec<f32> {
    let mut sum = vec![0f64; dim];
    for (vector, &weight) in vectors.iter().zip(weights) {
        sum.iter_mut().zip(*vector).for_each(|(sum, &value)| *sum += f64::from(weight) * f64::from(value));
    }
    let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    sum.iter().map(|sum| if total > 0.0 { (sum / total) as f32 } else { 0.0 }).collect()
}

/// Inner product of each column of two tables: chunks of rows side by side, their sums in order.
fn sums(left: &[f32], right: &[f32], dim: usize) -> Vec<f64> {
    let chunk = |(left, right): (&[f32], &[f32])| {
        let mut sums = vec![0f64; dim];
        for (left, right) in left.chunks_exact(dim).zip(right.chunks_exact(dim)) {
            let products = left.iter().zip(right).map(|(left, right)| f64::from(*left) * f64::from(*right));
            sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        }
        sums
    };
    let chunks = left.par_chunks(CHUNK_ROWS * dim).zip(right.par_chunks(CHUNK_ROWS * dim));
    let parts: Vec<Vec<f64>> = chunks.map(chunk).collect();
    let mut total = vec![0f64; dim];
    parts.iter().for_each(|part| total.iter_mut().zip(part).for_each(|(total, sum)| *total += sum));
    total
}

/// `above / below` by column; 0 where a column is solved already.
fn ratios(above: &[f64], below: &[f64]) -> Vec<f32> {
    above.iter().zip(below).map(|(above, below)| if *below > 0.0 { (above / below) as f32 } else { 0.0 }).collect()
}

fn divided(table: &[f32], diagonal: &[f32], dim: usize) -> Vec<f32> {
    let mut result = table.to_vec();
    result.par_chunks_exact_mut(dim).zip(diagonal).for_each(|(row, by)| row.iter_mut().for_each(|cell| *cell /= by));
    result
}

/// `table += factors ∘ other`, a factor for each column.
fn add_columns(table: &mut [f32], factors: &[f32], other: &[f32]) {
    let rows = table.par_chunks_exact_mut(factors.len()).zip(other.par_chunks_exact(factors.len()));
    rows.for_each(|(row, other)| {
        row.iter_mut().zip(other).zip(factors).for_each(|((cell, value), factor)| *cell += factor * value);
    });
}
