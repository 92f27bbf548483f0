//! Latent vectors: what users like and what products are.

use rand_chacha::ChaCha8Rng;

use super::random::normal;

/// Length of a latent vector.
pub const TASTE_DIM: usize = 16;

/// A unit vector of taste.
pub type Taste = [f32; TASTE_DIM];

/// Inner product of two tastes: 1 for the same, about 0 for strangers.
pub fn affinity(left: &Taste, right: &Taste) -> f32 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// A random direction.
pub(super) fn direction(rng: &mut ChaCha8Rng) -> Taste {
    unit(std::array::from_fn(|_| normal(rng)))
}

/// The direction of the weighted sum of directions.
pub(super) fn blend(parts: &[(f32, &Taste)]) -> Taste {
    let mut sum = [0.0; TASTE_DIM];
    for (weight, part) in parts {
        for (total, value) in sum.iter_mut().zip(*part) {
            *total += weight * value;
        }
    }
    unit(sum)
}

fn unit(mut vector: Taste) -> Taste {
    let norm = affinity(&vector, &vector).sqrt().max(1e-6);
    for value in &mut vector {
        *value /= norm;
    }
    vector
}
