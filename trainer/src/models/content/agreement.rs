//! How well a vector made from a record stands for the trained one: by the scores that users get with the two.

use juntos_engine::vectors::{add_scaled, dot};

use crate::models::Embeddings;

/// Most users that scores are compared on; of more, evenly spaced ones are taken.
const MOST_USERS: usize = 20_000;

/// Covariance `C` of the users' vectors: over users, the scores of two products with vectors `a` and `b` have the
/// covariance `aᵀ C b`, so their correlation needs no score to be computed.
pub(super) struct Agreement {
    covariance: Vec<f32>,
    dim: usize,
}

impl Agreement {
    pub(super) fn of(embeddings: &Embeddings) -> Self {
        let dim = embeddings.dim;
        let known = embeddings.users.chunks_exact(dim).filter(|user| user.iter().any(|&value| value != 0.0));
        let known: Vec<&[f32]> = known.collect();
        let users: Vec<&[f32]> = known.iter().copied().step_by(known.len().div_ceil(MOST_USERS).max(1)).collect();
        let count = users.len().max(1) as f64;
        let mut mean = vec![0f64; dim];
        users.iter().for_each(|user| mean.iter_mut().zip(*user).for_each(|(sum, &value)| *sum += f64::from(value)));
        let mut sums = vec![0f64; dim * dim];
        for user in &users {
            let centred: Vec<f64> =
                user.iter().zip(&mean).map(|(&value, sum)| f64::from(value) - sum / count).collect();
            for (line, left) in sums.chunks_exact_mut(dim).zip(&centred) {
                line.iter_mut().zip(&centred).for_each(|(cell, right)| *cell += left * right);
            }
        }
        Self { covariance: sums.iter().map(|sum| (sum / count) as f32).collect(), dim }
    }

    /// Correlation over users of the scores of two vectors; none where one of them scores all users alike.
    fn correlation(&self, left: &[f32], right: &[f32]) -> Option<f64> {
        let (of_left, of_right) = (self.times(left), self.times(right));
        let together = f64::from(dot(left, &of_right));
        let apart = f64::from(dot(left, &of_left)) * f64::from(dot(right, &of_right));
        (apart > 0.0).then(|| together / apart.sqrt()).filter(|correlation| correlation.is_finite())
    }

    fn times(&self, vector: &[f32]) -> Vec<f32> {
        let mut product = vec![0.0; self.dim];
        let lines = self.covariance.chunks_exact(self.dim);
        vector.iter().zip(lines).for_each(|(&value, line)| add_scaled(&mut product, value, line));
        product
    }

    /// Mean correlation of pairs, weighted; a prediction that scores all users alike counts as uncorrelated. None where
    /// no true vector tells users apart.
    pub(super) fn mean(&self, predicted: &[Vec<f32>], truth: &[&[f32]], weights: &[f32]) -> Option<f64> {
        let (mut sum, mut total) = (0.0, 0.0);
        for ((predicted, truth), &weight) in predicted.iter().zip(truth).zip(weights) {
            if self.correlation(truth, truth).is_some() {
                sum += f64::from(weight) * self.correlation(predicted, truth).unwrap_or(0.0);
                total += f64::from(weight);
            }
        }
        (total > 0.0).then(|| sum / total)
    }
}
