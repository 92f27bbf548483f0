//! Seeded choice of rows, and queries made of them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::vectors::add_scaled;

/// At most `most` different rows of `0..rows`, spread over all of them, in a random order: one at random from each of
/// `most` equal stretches, then shuffled.
pub(super) fn sample(rows: usize, most: usize, seed: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = most.min(rows);
    let stretch = |at: usize| at * rows / count.max(1)..(at + 1) * rows / count.max(1);
    let mut chosen: Vec<u32> = (0..count).map(|at| rng.random_range(stretch(at)) as u32).collect();
    for at in (1..count).rev() {
        chosen.swap(at, rng.random_range(0..=at));
    }
    chosen
}

/// Rows that a blend is made of, at most.
const MOST_TASTES: usize = 3;

/// Vectors as a user's is: sums of one to three rows, with random weights. At most `count`.
pub(super) fn blends(vectors: &[f32], dim: usize, count: usize, seed: u64) -> Vec<Vec<f32>> {
    let rows = sample(vectors.len() / dim, count * MOST_TASTES, seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xb1e2d);
    let mut rows = rows.into_iter();
    let mut blend = || {
        let tastes = rng.random_range(1..=MOST_TASTES);
        let mut sum = vec![0.0; dim];
        for row in rows.by_ref().take(tastes) {
            let row = row as usize * dim;
            add_scaled(&mut sum, rng.random_range(0.2..1.0), &vectors[row..row + dim]);
        }
        sum
    };
    (0..count).map(|_| blend()).filter(|blend| blend.iter().any(|&value| value != 0.0)).collect()
}
